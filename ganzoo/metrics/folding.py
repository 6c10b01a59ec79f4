"""A PyTorch convolution and the batch norm after it, as the kernel and bias of one Keras convolution."""

import numpy as np


def folded(tensors: dict[str, np.ndarray], convolution: str, norm: str, epsilon: float) -> list[np.ndarray]:
    """Returns kernel and bias, float32, as `set_weights` takes them.

    Args:
        tensors: of a state dict.
        convolution: its name there; kernels are (out, in, height, width), depthwise ones (channels, 1, height, width).
        norm: the name of the batch norm.
        epsilon: what the norm adds to the variance.

    Returns:
        The kernel (height, width, in, out), a depthwise one (height, width, channels, 1), and the bias.
    """
    kernel = tensors[f"{convolution}.weight"].astype(np.float64)
    weight, bias, mean, variance = (
        tensors[f"{norm}.{name}"].astype(np.float64) for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(variance + epsilon)
    kernel = kernel * scale[:, None, None, None]
    depthwise = kernel.shape[1] == 1
    kernel = kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    return [kernel.astype(np.float32), (bias - mean * scale).astype(np.float32)]
