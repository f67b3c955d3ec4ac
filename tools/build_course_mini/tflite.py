"""Copy a float32 TensorFlow Lite convolutional network into an ONNX graph."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

DTYPES = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.INT32: "<i4"}


def import_tflite(graph, data, tensor):
    """Append the nodes of a .tflite file; return its first output.

    `tensor` becomes its input. Both are names of ONNX tensors (batch,
    channels, height, width). Knows the six operators that MediaPipe's face
    mesh uses.
    """
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    network = model.subgraphs[0]
    known = {network.inputs[0]: tensor}
    for number, constant in enumerate(network.tensors):
        values = model.buffers[constant.buffer].data
        if values is not None:
            values = values.view(DTYPES[constant.type])
            known[number] = values.reshape(constant.shape)
    for operator in network.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        append = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        size = network.tensors[operator.inputs[0]].shape[1]
        inputs = [known[number] for number in operator.inputs]
        known[operator.outputs[0]] = append(
            graph, operator.builtinOptions, size, *inputs
        )
    return known[network.outputs[0]]


def _conv_2d(graph, options, size, values, kernel, bias):
    kernel = kernel.transpose(0, 3, 1, 2)
    window = _window(options, size, kernel.shape[2:])
    return graph.add("Conv", values, kernel, bias, group=1, **window)


def _depthwise_conv_2d(graph, options, size, values, kernel, bias):
    kernel = kernel.transpose(3, 0, 1, 2)
    window = _window(options, size, kernel.shape[2:])
    return graph.add("Conv", values, kernel, bias, group=len(kernel), **window)


def _max_pool_2d(graph, options, size, values):
    window = _window(options, size, [options.filterHeight] * 2)
    return graph.add("MaxPool", values, **window)


def _window(options, size, kernel_shape):
    stride, missing = options.strideH, 0
    if options.padding == schema.Padding.SAME:
        steps = -(-size // stride) - 1
        missing = max(steps * stride + kernel_shape[0] - size, 0)
    before, after = missing // 2, missing - missing // 2
    pads = [before, before, after, after]
    return {"kernel_shape": kernel_shape, "strides": [stride] * 2, "pads": pads}


def _prelu(graph, _options, _size, values, slope):
    return graph.prelu(values, slope)


def _add(graph, _options, _size, *summands):
    return graph.add("Add", *summands)


def _pad(graph, _options, _size, values, padding):
    # Rows are (batch, height, width, channels), columns before and after.
    return graph.add("Pad", values, np.int64(padding[[0, 3, 1, 2]].T.ravel()))


OPERATORS = {
    schema.BuiltinOperator.CONV_2D: _conv_2d,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: _depthwise_conv_2d,
    schema.BuiltinOperator.MAX_POOL_2D: _max_pool_2d,
    schema.BuiltinOperator.PRELU: _prelu,
    schema.BuiltinOperator.ADD: _add,
    schema.BuiltinOperator.PAD: _pad,
}
