"""face-api's age and gender network as InsightFace's attribute model."""

import json
import math

import numpy as np
from onnx import TensorProto

from .graph import Graph

# Mean colour of the training pictures, subtracted before the division by 255
# (face-api 1.7.15, src/xception/TinyXception.ts).
MEAN_RGB = 122.782, 117.001, 104.298
NETWORK_SIZE = 112
INSIGHTFACE_SIZE = 96
# Stride 2 with TensorFlow's SAME padding: sizes are even, so that a window of
# three pixels lacks one, on the right and below.
HALVED = {"strides": [2, 2], "pads": [0, 0, 1, 1], "kernel_shape": [3, 3]}
EVERY_OTHER = {"strides": [2, 2], "kernel_shape": [1, 1], "pads": [0] * 4}
# InsightFace cuts 1.5 times the detector's box. The network was trained on
# tighter crops: CROP times the box, SHIFT_DOWN of the box lower.
CROP = 0.9
SHIFT_DOWN = 0.06


def build_gender_age(manifest, weights):
    """Return the attribute model's ONNX bytes.

    Input (batch, 3, 96, 96), RGB as (pixel - 127.5) / 128; output
    (batch, 3): probability of female, of male, and the age in centuries.
    """
    graph = _TinyXception(manifest, weights)
    graph.add_heads(graph.add_trunk(_face_crop(graph)))
    return graph.serialise(
        {"data": ["batch", 3, INSIGHTFACE_SIZE, INSIGHTFACE_SIZE]},
        {"fc1": ["batch", 3]},
    )


def _face_crop(graph):
    pixels_per_box = INSIGHTFACE_SIZE / 1.5
    half = CROP * pixels_per_box / 2
    left = round(INSIGHTFACE_SIZE / 2 - half)
    top = round(INSIGHTFACE_SIZE / 2 - half + SHIFT_DOWN * pixels_per_box)
    size = round(2 * half)
    start, end = [top, left], [top + size, left + size]
    crop = graph.add("Slice", "data", start, end, [2, 3])
    scale = NETWORK_SIZE / size + 1e-6  # rounding down must not lose a pixel
    scales = [1, 1, scale, scale]
    crop = graph.add("Resize", crop, "", scales, mode="linear")
    mean = np.reshape(MEAN_RGB, (1, 3, 1, 1))
    crop = graph.add("Mul", crop, 128 / 255)
    return graph.add("Add", crop, (127.5 - mean) / 255)


class _TinyXception(Graph):
    """Chollet's Xception (2017) with few channels."""

    def __init__(self, manifest, weights):
        super().__init__("tiny_xception_age_gender")
        self._entries = {}
        position = 0
        for entry in json.loads(manifest)[0]["weights"]:
            kind = np.uint8 if "quantization" in entry else "<f4"
            count = math.prod(entry["shape"])
            values = np.frombuffer(weights, kind, count, position)
            entry["values"] = values.reshape(entry["shape"])
            self._entries[entry["name"]] = entry
            position += values.nbytes

    def add_trunk(self, values):
        """Append the trunk; return features of shape (batch, channels)."""
        values = self._convolve("entry_flow/conv_in", values, HALVED)
        values = self.add("Relu", values)
        values = self._reduce("entry_flow/reduction_block_0", values)
        values = self._reduce("entry_flow/reduction_block_1", values)
        values = self._residual("middle_flow/main_block_0", values)
        values = self._residual("middle_flow/main_block_1", values)
        values = self._reduce("exit_flow/reduction_block", values)
        values = self._separable("exit_flow/separable_conv", values)
        values = self.add("Relu", values)
        values = self.add("GlobalAveragePool", values)
        return self.add("Flatten", values, axis=1)

    def add_heads(self, features):
        """Append both output layers as one (batch, 3) tensor."""
        age = self._dense("fc/age", features)
        centuries = self.add("Mul", age, 0.01)
        # face-api puts male first, InsightFace female.
        gender = self._dense("fc/gender", features)
        gender = self.add("Gather", gender, [1, 0], axis=1)
        gender = self.add("Softmax", gender, axis=1)
        self.add("Concat", gender, centuries, name="fc1", axis=1)

    def _reduce(self, name, values):
        branch = self._activated(f"{name}/separable_conv0", values)
        branch = self._activated(f"{name}/separable_conv1", branch)
        branch = self.add("MaxPool", branch, **HALVED)
        name = f"{name}/expansion_conv"
        shortcut = self._convolve(name, values, EVERY_OTHER)
        return self.add("Add", branch, shortcut)

    def _residual(self, name, values):
        branch = values
        for layer in range(3):
            branch = self._activated(f"{name}/separable_conv{layer}", branch)
        return self.add("Add", branch, values)

    def _activated(self, name, values):
        return self._separable(name, self.add("Relu", values))

    def _separable(self, name, values):
        values = self.add(
            "Conv",
            values,
            self._weight(f"{name}/depthwise_filter", (2, 3, 0, 1)),
            group=self._entries[f"{name}/depthwise_filter"]["shape"][2],
            kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
        )
        pointwise = self._weight(f"{name}/pointwise_filter", (3, 2, 0, 1))
        return self.add("Conv", values, pointwise, self._weight(f"{name}/bias"))

    def _convolve(self, name, values, window):
        filters = self._weight(f"{name}/filters", (3, 2, 0, 1))
        bias = self._weight(f"{name}/bias")
        return self.add("Conv", values, filters, bias, **window)

    def _dense(self, name, values):
        weights = self._weight(f"{name}/weights")
        return self.add("Gemm", values, weights, self._weight(f"{name}/bias"))

    def _weight(self, name, order=None):
        """Return a weight's tensor name, its axes permuted to `order`.

        Integers stay integers in the file: onnxruntime computes
        integer * scale + minimum once, when it loads the model.
        """
        entry = self._entries[name]
        values = entry["values"]
        values = values if order is None else values.transpose(order)
        if "quantization" not in entry:
            return self.constant(values)
        tensor = self.add("Cast", values, to=TensorProto.FLOAT)
        tensor = self.add("Mul", tensor, entry["quantization"]["scale"])
        return self.add("Add", tensor, entry["quantization"]["min"])
