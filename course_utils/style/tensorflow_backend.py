"""The network, the loss and its gradient in TensorFlow.

The same functions, under the same names, as in torch_backend.py: read the two
side by side, docstrings there. What differs is how a gradient is asked for (a
tape instead of ``backward``) and that an evaluation is compiled into one graph.
"""

import contextlib
import os
from collections.abc import Callable, Iterable

import numpy as np

from course_utils import hardware

from . import vgg
from .losses import Targets

hardware.prepare()
hardware.load_triton()
hardware.keep_freed_memory()
# On a GPU cuDNN would add up in another order each time.
os.environ.setdefault("TF_CUDNN_DETERMINISTIC", "1")
with hardware.silent_stderr():
    import tensorflow as tf

    GPUS = tf.config.list_physical_devices("GPU")

DTYPES = {"float32": tf.float32, "bfloat16": tf.bfloat16}

# As in torch_backend.py: float32 is float32 on a GPU too.
tf.config.experimental.enable_tensor_float_32_execution(False)
for gpu in GPUS:
    # Take GPU memory as needed, or PyTorch beside it would find none.
    tf.config.experimental.set_memory_growth(gpu, True)


def best_precision() -> str:
    """Return "bfloat16" where the device computes it faster, or "float32"."""
    if GPUS:
        details = tf.config.experimental.get_device_details(GPUS[0])
        fast = details.get("compute_capability", (0, 0)) >= (8, 0)
    else:
        fast = hardware.cpu_has_bfloat16()
    return "bfloat16" if fast else "float32"


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception means that memory ran out."""
    return isinstance(error, MemoryError | tf.errors.ResourceExhaustedError)


def free_memory() -> int | None:
    """Return the bytes that a run may still use, None if unknown."""
    free = hardware.free_memory()
    if GPUS or free is None:
        return None
    with contextlib.suppress(ValueError):  # a build without such a pool
        pool = tf.config.experimental.get_memory_info("CPU:0")
        free += pool["peak"] - pool["current"]  # it gives nothing back
    return free


class Network:
    """VGG16 as deep as its weights go, on the GPU where there is one."""

    def __init__(self, weights: vgg.Weights, pooling: str, precision: str):
        self.dtype = DTYPES[precision]
        pools = {"max": tf.nn.max_pool2d, "avg": tf.nn.avg_pool2d}
        self.pool = pools[pooling]
        self.mean = tf.constant(weights.mean)
        self.layers = {
            name: [self._tensor(array, self.dtype) for array in arrays]
            for name, arrays in weights.layers.items()
        }
        # Traced once for every size of picture, then kept.
        self.compiled = tf.function(self._value_and_gradient)

    def features(
        self, pixels: np.ndarray, layers: Iterable[str]
    ) -> dict[str, np.ndarray]:
        """Return the named layers' features of pixels in 0-1, as float32."""
        outputs = self.run(self._tensor(pixels))
        return {name: to_numpy(outputs[name][0]) for name in layers}

    def gram_matrices(
        self, pixels: np.ndarray, layers: Iterable[str]
    ) -> dict[str, np.ndarray]:
        """Return the named layers' Gram matrices of pixels in 0-1."""
        outputs = self.run(self._tensor(pixels))
        return {name: to_numpy(gram_matrix(outputs[name])) for name in layers}

    def objective(self, targets: Targets) -> Callable:
        """Return a function: pixels -> (terms, gradient of the total)."""
        content = {n: self._tensor(a) for n, a in targets.content.items()}
        style = {n: self._tensor(a) for n, a in targets.style.items()}
        scales = self._tensor(targets.scales())
        weights = self._tensor(targets.weights())

        def value_and_gradient(pixels):
            x = self._tensor(pixels)
            terms, gradient = self.compiled(x, content, style, scales, weights)
            return to_numpy(terms), to_numpy(gradient)

        return value_and_gradient

    def _value_and_gradient(self, pixels, content, style, scales, weights):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            outputs = self.run(pixels)
            terms = scales * squared_errors(outputs, pixels, content, style)
            total = tf.tensordot(weights, terms, 1)
        return terms, tape.gradient(total, pixels)

    def run(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Run every layer; outputs are (1, height, width, channels)."""
        x = tf.cast(255 * pixels - self.mean, self.dtype)[None]
        outputs = {}
        for name, (kernel, bias) in self.layers.items():
            if vgg.starts_block(name):
                x = self.pool(x, 2, 2, "VALID")
            x = tf.nn.conv2d(x, kernel, 1, "SAME")
            x = tf.nn.relu(tf.nn.bias_add(x, bias))
            outputs[name] = x
        return outputs

    def _tensor(self, array, dtype=tf.float32) -> tf.Tensor:
        return tf.cast(tf.constant(array), dtype)


def gram_matrix(features: tf.Tensor) -> tf.Tensor:
    """Average the products of channels over all positions."""
    _, height, width, channels = features.shape
    flat = tf.reshape(features, (height * width, channels))
    products = tf.matmul(tf.stop_gradient(flat), flat, transpose_a=True)
    products = tf.cast(products, tf.float32) / (height * width)
    return 2 * products - tf.stop_gradient(products)


def squared_errors(outputs, pixels, content, style) -> tf.Tensor:
    """Return the mean squared error of every target, then the variation."""
    errors = [
        mean_squared_error(tf.cast(outputs[name][0], tf.float32), target)
        for name, target in content.items()
    ]
    errors += [
        mean_squared_error(gram_matrix(outputs[name]), target)
        for name, target in style.items()
    ]
    return tf.stack([*errors, total_variation(pixels)])


def mean_squared_error(found: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """PyTorch's ``mse_loss``."""
    return tf.reduce_mean(tf.square(found - target))


def total_variation(pixels: tf.Tensor) -> tf.Tensor:
    """Add the squared differences of neighbours, per pixel value."""
    down = tf.reduce_sum(tf.square(pixels[1:] - pixels[:-1]))
    across = tf.reduce_sum(tf.square(pixels[:, 1:] - pixels[:, :-1]))
    return (down + across) / tf.size(pixels, tf.float32)


def to_numpy(tensor: tf.Tensor) -> np.ndarray:
    """Bring a tensor back as a float32 array."""
    return tf.cast(tensor, tf.float32).numpy()
