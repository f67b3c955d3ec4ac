"""Copy a float32 TensorFlow Lite convolutional network into an ONNX graph."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items()}


class TfliteNetwork:
    """A network with one input, read from the bytes of a .tflite file.

    Knows the six operators that MediaPipe's face mesh uses.
    """

    def __init__(self, data):
        """Parse the file."""
        self._model = schema.ModelT.InitFromPackedBuf(data, 0)
        self._subgraph = self._model.subgraphs[0]

    def copy_to(self, graph, tensor, output):
        """Append the nodes from the input `tensor` to the named `output`.

        `tensor` has shape (batch, channels, height, width). Returns the ONNX
        name of the output, in the same layout.
        """
        made = {self._subgraph.inputs[0]: tensor}
        for operator in self._subgraph.operators:
            code = self._model.operatorCodes[operator.opcodeIndex]
            code = max(code.builtinCode, code.deprecatedBuiltinCode)
            append = getattr(self, f"_{OPERATORS[code].lower()}")
            inputs = [made.get(i) for i in operator.inputs]
            made[operator.outputs[0]] = append(graph, operator, *inputs)
        names = {
            self._subgraph.tensors[i].name.decode(): i
            for i in self._subgraph.outputs
        }
        return made[names[output]]

    def _array(self, index, dtype=np.float32):
        tensor = self._subgraph.tensors[index]
        data = self._model.buffers[tensor.buffer].data
        return data.view(dtype).reshape(tensor.shape)

    def _conv_2d(self, graph, operator, values, *_):
        kernel = self._array(operator.inputs[1]).transpose(0, 3, 1, 2)
        return self._convolve(graph, operator, values, kernel, 1)

    def _depthwise_conv_2d(self, graph, operator, values, *_):
        kernel = self._array(operator.inputs[1]).transpose(3, 0, 1, 2)
        return self._convolve(graph, operator, values, kernel, len(kernel))

    def _convolve(self, graph, operator, values, kernel, group):
        return graph.add(
            "Conv",
            values,
            graph.constant(kernel),
            graph.constant(self._array(operator.inputs[2])),
            kernel_shape=kernel.shape[2:],
            group=group,
            **self._window(operator, kernel.shape[2]),
        )

    def _max_pool_2d(self, graph, operator, values):
        size = operator.builtinOptions.filterHeight
        window = self._window(operator, size)
        return graph.add("MaxPool", values, kernel_shape=[size, size], **window)

    def _window(self, operator, kernel):
        options = operator.builtinOptions
        stride = options.strideH
        if options.padding == schema.Padding.VALID:
            return {"strides": [stride, stride], "pads": [0, 0, 0, 0]}
        size = self._subgraph.tensors[operator.inputs[0]].shape[1]
        return same_padding(size, kernel, stride)

    def _prelu(self, graph, operator, values, _):
        return graph.prelu(values, self._array(operator.inputs[1]))

    def _add(self, graph, _, *summands):
        return graph.add("Add", *summands)

    def _pad(self, graph, operator, values, _):
        # Rows are (batch, height, width, channels), columns before and after.
        padding = self._array(operator.inputs[1], np.int32)[[0, 3, 1, 2]]
        pads = graph.constant(padding.T.ravel(), np.int64)
        return graph.add("Pad", values, pads)


def same_padding(size, kernel, stride):
    """Return the attributes of TensorFlow's SAME padding of a square."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    before, after = total // 2, total - total // 2
    pads = [before, before, after, after]
    return {"strides": [stride, stride], "pads": pads}
