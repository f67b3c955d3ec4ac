"""Copy a float32 TensorFlow Lite convolutional network into an ONNX graph."""

import importlib.util
from pathlib import Path

import numpy as np


def _load_schema():
    # TensorFlow carries the generated reader of the file format. It needs
    # only flatbuffers; importing all of TensorFlow for it takes seconds.
    tensorflow = importlib.util.find_spec("tensorflow").origin
    path = Path(tensorflow).parent / "lite/python/schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("tflite_schema", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TfliteNetwork:
    """A network with one input, read from the bytes of a .tflite file.

    Knows the six operators that MediaPipe's face mesh uses; another one
    raises KeyError.
    """

    def __init__(self, data):
        """Parse the file."""
        schema = _load_schema()
        self._names = {
            code: name for name, code in vars(schema.BuiltinOperator).items()
        }
        self._valid_padding = schema.Padding.VALID
        self._model = schema.ModelT.InitFromPackedBuf(data, 0)
        self._subgraph = self._model.subgraphs[0]

    def copy_to(self, graph, tensor, output):
        """Append the nodes from the input `tensor` to the named `output`.

        `tensor` has shape (batch, channels, height, width). Returns the ONNX
        name of the output, in the same layout.
        """
        made = {self._subgraph.inputs[0]: tensor}
        for operator in self._subgraph.operators:
            inputs = [made.get(i) for i in operator.inputs]
            append = getattr(self, f"_{self._name(operator).lower()}")
            made[operator.outputs[0]] = append(graph, operator, inputs)
        names = {
            self._subgraph.tensors[i].name.decode(): i
            for i in self._subgraph.outputs
        }
        return made[names[output]]

    def _name(self, operator):
        code = self._model.operatorCodes[operator.opcodeIndex]
        return self._names[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def _array(self, index, dtype=np.float32):
        tensor = self._subgraph.tensors[index]
        data = self._model.buffers[tensor.buffer].data
        return data.view(dtype).reshape(tensor.shape)

    def _conv_2d(self, graph, operator, inputs):
        kernel = self._array(operator.inputs[1]).transpose(0, 3, 1, 2)
        return self._convolve(graph, operator, inputs, kernel, 1)

    def _depthwise_conv_2d(self, graph, operator, inputs):
        kernel = self._array(operator.inputs[1]).transpose(3, 0, 1, 2)
        return self._convolve(graph, operator, inputs, kernel, len(kernel))

    def _convolve(self, graph, operator, inputs, kernel, group):
        bias = self._array(operator.inputs[2])
        return graph.add(
            "Conv",
            inputs[0],
            graph.constant(kernel),
            graph.constant(bias),
            kernel_shape=kernel.shape[2:],
            group=group,
            **self._window(operator, kernel.shape[2]),
        )

    def _max_pool_2d(self, graph, operator, inputs):
        size = operator.builtinOptions.filterHeight
        window = self._window(operator, size)
        kernel = [size, size]
        return graph.add("MaxPool", inputs[0], kernel_shape=kernel, **window)

    def _window(self, operator, kernel):
        options = operator.builtinOptions
        stride = options.strideH
        before = after = 0
        if options.padding != self._valid_padding:
            size = self._subgraph.tensors[operator.inputs[0]].shape[1]
            before, after = same_padding(size, kernel, stride)
        pads = [before, before, after, after]
        return {"strides": [stride, stride], "pads": pads}

    def _prelu(self, graph, operator, inputs):
        return graph.prelu(inputs[0], self._array(operator.inputs[1]))

    def _add(self, graph, operator, inputs):
        return graph.add("Add", *inputs)

    def _pad(self, graph, operator, inputs):
        # Rows are (batch, height, width, channels), columns before and after.
        padding = self._array(operator.inputs[1], np.int32)[[0, 3, 1, 2]]
        pads = graph.constant(padding.T.ravel(), np.int64)
        return graph.add("Pad", inputs[0], pads)


def same_padding(size, kernel, stride):
    """Return TensorFlow's SAME padding (before, after) of one side."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
