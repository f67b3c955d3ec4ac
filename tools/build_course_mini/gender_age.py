"""face-api's age and gender network as InsightFace's attribute model."""

import json

import numpy as np
from onnx import TensorProto

from .graph import Graph
from .tflite import same_padding

# Mean colour of the training pictures, subtracted before the division by 255
# (face-api 1.7.15, src/xception/TinyXception.ts).
MEAN_RGB = 122.782, 117.001, 104.298
NETWORK_SIZE = 112
INSIGHTFACE_SIZE = 96
# InsightFace cuts 1.5 times the detector's box. The network was trained on
# tighter crops: CROP times the box, SHIFT_DOWN of the box lower.
CROP = 0.9
SHIFT_DOWN = 0.06


def build_gender_age(manifest, weights):
    """Return the attribute model's ONNX bytes.

    Input (batch, 3, 96, 96), RGB as (pixel - 127.5) / 128; output
    (batch, 3): probability of female, of male, and the age in centuries.
    """
    network = _Network(manifest, weights)
    network.heads(network.features(_face_crop(network.graph)))
    return network.graph.serialise(
        {"data": ["batch", 3, INSIGHTFACE_SIZE, INSIGHTFACE_SIZE]},
        {"fc1": ["batch", 3]},
    )


def _face_crop(graph):
    pixels_per_box = INSIGHTFACE_SIZE / 1.5
    half = CROP * pixels_per_box / 2
    left = round(INSIGHTFACE_SIZE / 2 - half)
    top = round(INSIGHTFACE_SIZE / 2 - half + SHIFT_DOWN * pixels_per_box)
    size = round(2 * half)
    crop = graph.add(
        "Slice",
        "data",
        graph.constant([top, left], np.int64),
        graph.constant([top + size, left + size], np.int64),
        graph.constant([2, 3], np.int64),
    )
    scale = NETWORK_SIZE / size + 1e-6  # rounding down must not lose a pixel
    scales = graph.constant([1, 1, scale, scale])
    crop = graph.add("Resize", crop, "", scales, mode="linear")
    mean = np.reshape(MEAN_RGB, (1, 3, 1, 1))
    crop = graph.add("Mul", crop, graph.constant(128 / 255))
    return graph.add("Add", crop, graph.constant((127.5 - mean) / 255))


class _Network:
    """TinyXception: Chollet's Xception (2017) with few channels."""

    def __init__(self, manifest, weights):
        self.graph = Graph("tiny_xception_age_gender")
        self._entries = {}
        position = 0
        for entry in json.loads(manifest)[0]["weights"]:
            integer = "quantization" in entry
            values = np.frombuffer(
                weights,
                np.uint8 if integer else "<f4",
                int(np.prod(entry["shape"])),
                position,
            )
            self._entries[entry["name"]] = entry, values
            position += values.nbytes

    def features(self, values):
        """Append the trunk; return features of shape (batch, channels)."""
        values = self._convolve("entry_flow/conv_in", values, 112)
        values = self.graph.add("Relu", values)
        values = self._reduce("entry_flow/reduction_block_0", values, 56)
        values = self._reduce("entry_flow/reduction_block_1", values, 28)
        for block in (0, 1):
            values = self._residual(f"middle_flow/main_block_{block}", values)
        values = self._reduce("exit_flow/reduction_block", values, 14)
        values = self._separable("exit_flow/separable_conv", values)
        values = self.graph.add("Relu", values)
        values = self.graph.add("GlobalAveragePool", values)
        return self.graph.add("Flatten", values, axis=1)

    def heads(self, features):
        """Append both output layers as one (batch, 3) tensor."""
        age = self._dense("fc/age", features)
        centuries = self.graph.add("Mul", age, self.graph.constant(0.01))
        # face-api puts male first, InsightFace female.
        gender = self._dense("fc/gender", features)
        swap = self.graph.constant([1, 0], np.int64)
        gender = self.graph.add("Gather", gender, swap, axis=1)
        gender = self.graph.add("Softmax", gender, axis=1)
        self.graph.add("Concat", gender, centuries, name="fc1", axis=1)

    def _reduce(self, name, values, size):
        branch = self._activated(f"{name}/separable_conv0", values)
        branch = self._activated(f"{name}/separable_conv1", branch)
        window = same_padding(size, 3, 2)
        branch = self.graph.add(
            "MaxPool", branch, kernel_shape=[3, 3], **window
        )
        shortcut = self._convolve(f"{name}/expansion_conv", values, size)
        return self.graph.add("Add", branch, shortcut)

    def _residual(self, name, values):
        branch = values
        for layer in range(3):
            branch = self._activated(f"{name}/separable_conv{layer}", branch)
        return self.graph.add("Add", branch, values)

    def _activated(self, name, values):
        return self._separable(name, self.graph.add("Relu", values))

    def _separable(self, name, values):
        depthwise = self._weight(f"{name}/depthwise_filter", (2, 3, 0, 1))
        values = self.graph.add(
            "Conv",
            values,
            depthwise,
            group=self._shape(f"{name}/depthwise_filter")[2],
            kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
        )
        pointwise = self._weight(f"{name}/pointwise_filter", (3, 2, 0, 1))
        bias = self._weight(f"{name}/bias")
        return self.graph.add("Conv", values, pointwise, bias)

    def _convolve(self, name, values, size):
        """Append a convolution of stride 2."""
        kernel = self._weight(f"{name}/filters", (3, 2, 0, 1))
        width = self._shape(f"{name}/filters")[0]
        return self.graph.add(
            "Conv",
            values,
            kernel,
            self._weight(f"{name}/bias"),
            kernel_shape=[width, width],
            **same_padding(size, width, 2),
        )

    def _dense(self, name, values):
        weights = self._weight(f"{name}/weights")
        bias = self._weight(f"{name}/bias")
        return self.graph.add("Gemm", values, weights, bias)

    def _shape(self, name):
        return self._entries[name][0]["shape"]

    def _weight(self, name, order=None):
        """Return a weight's tensor name, its axes permuted to `order`.

        Integers stay integers in the file: onnxruntime computes
        integer * scale + minimum once, when it loads the model.
        """
        entry, values = self._entries[name]
        values = values.reshape(entry["shape"])
        values = values if order is None else values.transpose(order)
        tensor = self.graph.constant(values, values.dtype)
        if "quantization" not in entry:
            return tensor
        scale = self.graph.constant(entry["quantization"]["scale"])
        minimum = self.graph.constant(entry["quantization"]["min"])
        tensor = self.graph.add("Cast", tensor, to=TensorProto.FLOAT)
        tensor = self.graph.add("Mul", tensor, scale)
        return self.graph.add("Add", tensor, minimum)
