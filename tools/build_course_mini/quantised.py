"""Copy a block-quantised ONNX network so that it runs at full speed."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def import_network(graph, data, inputs=(), only=lambda node: True):
    """Append the nodes of the serialised ONNX model `data` to `graph`.

    `inputs` renames tensors ({old: new}) where the network is joined to nodes
    that are already in the graph. Nodes for which `only` is false are left
    out, so that a network can be copied in two steps.
    """
    source = onnx.load_from_string(data).graph
    arrays = {t.name: numpy_helper.to_array(t) for t in source.initializer}
    renamed = dict(inputs)

    def tensor(name):
        if name in arrays:
            return graph.constant(arrays[name], arrays[name].dtype)
        return renamed.get(name, name)

    for node in filter(only, source.node):
        if node.op_type == "DequantizeLinear":
            parts = [arrays[name] for name in node.input]
            _dequantise(graph, *parts, name=node.output[0])
        elif node.op_type == "PRelu":
            values, slope = node.input
            graph.prelu(tensor(values), arrays[slope], name=node.output[0])
        elif node.op_type == "Dropout":
            renamed[node.output[0]] = tensor(node.input[0])
        elif node.op_type != "Constant":  # the only one: the Dropout's ratio
            graph.add_split(
                node.op_type,
                [tensor(name) for name in node.input],
                list(node.output),
                node.name,
                **{
                    attribute.name: helper.get_attribute_value(attribute)
                    for attribute in node.attribute
                },
            )


def _dequantise(graph, integers, scale, zero_point, name):
    """Append (integers - zero point) * scale, block by block.

    The weights stay 8-bit integers in the file and onnxruntime evaluates these
    nodes once, when it loads the model. DequantizeLinear itself it would keep
    and run again for every picture, at half the speed.
    """
    add, constant = graph.add, graph.constant
    blocks = integers.reshape(*scale.shape, -1)
    values = add("Cast", constant(blocks, np.int8), to=TensorProto.FLOAT)
    values = add("Sub", values, constant(zero_point[..., None]))
    values = add("Mul", values, constant(scale[..., None]))
    add("Reshape", values, constant(integers.shape, np.int64), name=name)
