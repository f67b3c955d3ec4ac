"""The network, the loss and its gradient in PyTorch.

Arrays come in and go out as NumPy, (height, width, channels), so that nothing
outside this file knows about tensors. Inside, activations are channels-last
(the layout in which CPU and GPU convolve fastest).
"""

from collections.abc import Callable, Iterable

import numpy as np

from course_utils import hardware

from . import vgg
from .losses import Targets

hardware.prepare()
hardware.load_triton()
hardware.keep_freed_memory()
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

# Whoever imported PyTorch before has more threads than prepare() asked for.
torch.set_num_threads(min(torch.get_num_threads(), hardware.usable_cores()))
# A GPU would round float32 to ten bits (TF32), with a gradient that is off by
# some per cent, and would add up in another order each time.
torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.deterministic = True

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def best_precision() -> str:
    """Return "bfloat16" where the device computes it faster, or "float32"."""
    if torch.cuda.is_available():
        # Ampere (8.0) is the first generation that multiplies it in hardware.
        fast = torch.cuda.get_device_capability() >= (8, 0)
    else:
        fast = hardware.cpu_has_bfloat16()
    return "bfloat16" if fast else "float32"


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception means that memory ran out."""
    text = str(error)
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in text
    )


def free_memory() -> int:
    """Return the bytes that a run may still use on this device."""
    if torch.cuda.is_available():
        kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return torch.cuda.mem_get_info()[0] + kept
    return hardware.free_memory()


class Network:
    """VGG16 as deep as its weights go, on the GPU where there is one."""

    def __init__(self, weights: vgg.Weights, pooling: str, precision: str):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = DTYPES[precision]
        self.pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
        self.mean = torch.tensor(weights.mean, device=self.device)
        self.layers = {
            name: (self._kernel(kernel), self._tensor(bias, self.dtype))
            for name, (kernel, bias) in weights.layers.items()
        }

    def features(
        self, pixels: np.ndarray, layers: Iterable[str]
    ) -> dict[str, np.ndarray]:
        """Return the named layers' features of pixels in 0-1, as float32."""
        with torch.no_grad():
            outputs = self.run(self._tensor(pixels))
        return {name: to_numpy(outputs[name][0]) for name in layers}

    def gram_matrices(
        self, pixels: np.ndarray, layers: Iterable[str]
    ) -> dict[str, np.ndarray]:
        """Return the named layers' Gram matrices of pixels in 0-1."""
        with torch.no_grad():
            outputs = self.run(self._tensor(pixels))
            grams = {name: gram_matrix(outputs[name]) for name in layers}
        return {name: to_numpy(gram) for name, gram in grams.items()}

    def objective(self, targets: Targets) -> Callable:
        """Return a function: pixels -> (terms, gradient of the total).

        All are float32, ``terms`` a vector as Targets describes it.
        """
        content = {n: self._tensor(a) for n, a in targets.content.items()}
        style = {n: self._tensor(a) for n, a in targets.style.items()}
        scales = self._tensor(targets.scales())
        weights = self._tensor(targets.weights())

        def value_and_gradient(pixels):
            x = self._tensor(pixels).requires_grad_(True)
            terms = scales * squared_errors(self.run(x), x, content, style)
            (weights @ terms).backward()
            return to_numpy(terms), to_numpy(x.grad)

        return value_and_gradient

    def run(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Run every layer; outputs are (1, height, width, channels)."""
        x = (255 * pixels - self.mean).to(self.dtype)
        x = x.permute(2, 0, 1)[None]
        outputs = {}
        for name, (kernel, bias) in self.layers.items():
            if vgg.starts_block(name):
                x = self.pool(x, 2)
            x = F.conv2d(x, kernel, bias, padding=1)
            # In place: nobody else holds the convolution's output.
            x = F.relu(x, inplace=True)
            outputs[name] = x.permute(0, 2, 3, 1)
        return outputs

    def _kernel(self, kernel: np.ndarray) -> torch.Tensor:
        kernel = self._tensor(kernel.transpose(3, 2, 0, 1), self.dtype)
        return kernel.contiguous(memory_format=torch.channels_last)

    def _tensor(self, array, dtype=torch.float32) -> torch.Tensor:
        return torch.tensor(array, dtype=dtype, device=self.device)


def gram_matrix(features: torch.Tensor) -> torch.Tensor:
    """Average the products of channels over all positions.

    (1, height, width, channels) -> float32 (channels, channels). Gatys et al.
    2016, equation 3, divided by the number of positions.
    """
    flat = features.flatten(0, 2)
    # Both factors receive the same gradient. Computing it for one of them and
    # counting it twice, with the value unchanged, saves a multiplication.
    products = (flat.detach().T @ flat).float() / len(flat)
    return 2 * products - products.detach()


def squared_errors(outputs, pixels, content, style) -> torch.Tensor:
    """Return the mean squared error of every target, then the variation."""
    errors = [
        F.mse_loss(outputs[name][0].float(), target)
        for name, target in content.items()
    ]
    errors += [
        F.mse_loss(gram_matrix(outputs[name]), target)
        for name, target in style.items()
    ]
    return torch.stack([*errors, total_variation(pixels)])


def total_variation(pixels: torch.Tensor) -> torch.Tensor:
    """Add the squared differences of neighbours, per pixel value."""
    down = (pixels[1:] - pixels[:-1]).square().sum()
    across = (pixels[:, 1:] - pixels[:, :-1]).square().sum()
    return (down + across) / pixels.numel()


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Bring a tensor back as a float32 array."""
    return tensor.detach().float().cpu().numpy()
