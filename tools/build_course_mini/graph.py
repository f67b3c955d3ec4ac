"""A small writer of ONNX graphs whose bytes are reproducible."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# The lowest versions that know every operator used here (GridSample needs
# operator set 16), so that old onnxruntime releases load the pack too.
OPERATOR_SET = 17
FORMAT_VERSION = 8


class Graph:
    """ONNX nodes and constants in the order in which they were added.

    InsightFace guesses a model's input normalisation from the names of its
    first eight nodes: one that starts with "Sub" or "_minus" together with
    one that starts with "Mul" or "_mul" means raw pixels
    (insightface/model_zoo/landmark.py). Names made here start with a
    lower-case operator, so they never match by accident.
    """

    def __init__(self, name):
        """Start an empty graph called `name`."""
        self.name = name
        self._nodes = []
        self._constants = {}

    def constant(self, value):
        """Store an array once, floats as float32; return its tensor name."""
        array = np.ascontiguousarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._constants[key] = numpy_helper.from_array(array, name)
        return self._constants[key].name

    def add(self, operator, *inputs, name=None, outputs=None, **attributes):
        """Append a node and return the name of its output.

        An input is a tensor's name, or numbers, which become a constant. Where
        a node has several outputs, `outputs` names and returns them.
        """
        name = name or f"{operator.lower()}_{len(self._nodes)}"
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self._nodes.append(
            helper.make_node(
                operator, names, outputs or [name], name, **attributes
            )
        )
        return outputs or name

    def prelu(self, values, slope, name=None):
        """Append PReLU as a·x + (1 - a)·relu(x), two depthwise convolutions.

        It is the same function (He et al. 2015, equation 1). onnxruntime's
        own PRelu leaves the blocked memory layout of the convolutions around
        it, which doubles the run time.
        """
        slope = slope.reshape(-1, 1, 1, 1)
        depthwise = {"group": len(slope), "kernel_shape": [1, 1]}
        positive = self.add("Relu", values)
        linear = self.add("Conv", values, slope, **depthwise)
        bent = self.add("Conv", positive, 1 - slope, **depthwise)
        return self.add("Add", linear, bent, name=name)

    def serialise(self, inputs, outputs):
        """Return the checked model as bytes.

        `inputs` and `outputs` map tensor names to shapes; a string in a
        shape names a dimension that is free.
        """
        graph = helper.make_graph(
            self._nodes,
            self.name,
            [_float_tensor(*item) for item in inputs.items()],
            [_float_tensor(*item) for item in outputs.items()],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPERATOR_SET)],
            ir_version=FORMAT_VERSION,
            producer_name="build_course_mini",
        )
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


def _float_tensor(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
