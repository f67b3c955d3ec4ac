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
    importer = _Importer(graph, source, dict(inputs))
    for node in source.node:
        if only(node):
            importer.copy(node)


class _Importer:
    def __init__(self, graph, source, renamed):
        self.graph = graph
        self.arrays = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in source.initializer
        }
        self.renamed = renamed

    def copy(self, node):
        special = {
            "Constant": self._skip,
            "DequantizeLinear": self._dequantise,
            "Dropout": self._bypass,
            "PRelu": self._prelu,
        }
        special.get(node.op_type, self._plain)(node)

    def _plain(self, node):
        self.graph.add_split(
            node.op_type,
            [self._tensor(name) for name in node.input],
            list(node.output),
            node.name,
            **_attributes(node),
        )

    def _tensor(self, name):
        if name in self.arrays:
            array = self.arrays[name]
            return self.graph.constant(array, array.dtype)
        return self.renamed.get(name, name)

    def _skip(self, node):
        """Drop the only Constant there is: the ratio of the Dropout."""

    def _bypass(self, node):
        self.renamed[node.output[0]] = self._tensor(node.input[0])

    def _prelu(self, node):
        values, slope = node.input
        values = self._tensor(values)
        self.graph.prelu(values, self.arrays[slope], name=node.output[0])

    def _dequantise(self, node):
        """Append (integers - zero point) * scale, block by block.

        The weights stay 8-bit integers in the file and onnxruntime evaluates
        these nodes once, when it loads the model. DequantizeLinear itself it
        would keep and run again for every picture, at half the speed.
        """
        integers, scale, zero_point = (self.arrays[i] for i in node.input)
        blocks = integers.reshape(*scale.shape, -1)
        add, constant = self.graph.add, self.graph.constant
        values = add("Cast", constant(blocks, np.int8), to=TensorProto.FLOAT)
        values = add("Sub", values, constant(zero_point[..., None]))
        values = add("Mul", values, constant(scale[..., None]))
        shape = constant(integers.shape, np.int64)
        add("Reshape", values, shape, name=node.output[0])


def _attributes(node):
    return {
        attribute.name: helper.get_attribute_value(attribute)
        for attribute in node.attribute
    }
