"""Copy a block-quantised ONNX network so that it runs at full speed."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def import_network(graph, data, inputs=(), first=""):
    """Append the nodes of the serialised ONNX model `data` to `graph`.

    `inputs` renames tensors ({old: new}) where the network is joined to nodes
    that are already in the graph. Nodes whose names begin with `first`, a
    string or several, come before all others.
    """
    source = onnx.load_from_string(data).graph
    # What stands for a tensor of the source: an array or another name.
    known = {t.name: numpy_helper.to_array(t) for t in source.initializer}
    known.update(inputs)
    for node in sorted(
        source.node, key=lambda node: not node.name.startswith(first)
    ):
        tensors = [known.get(name, name) for name in node.input]
        if node.op_type == "DequantizeLinear":
            _dequantise(graph, *tensors, name=node.output[0])
        elif node.op_type == "PRelu":
            graph.prelu(*tensors, name=node.output[0])
        elif node.op_type == "Dropout":
            known[node.output[0]] = tensors[0]
        elif node.op_type != "Constant":  # the only one: the Dropout's ratio
            graph.add(
                node.op_type,
                *tensors,
                name=node.name,
                outputs=list(node.output),
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
    blocks = integers.reshape(*scale.shape, -1)
    values = graph.add("Cast", blocks, to=TensorProto.FLOAT)
    zero_point = np.float32(zero_point)[..., None]
    values = graph.add("Sub", values, zero_point)
    values = graph.add("Mul", values, scale[..., None])
    graph.add("Reshape", values, integers.shape, name=name)
