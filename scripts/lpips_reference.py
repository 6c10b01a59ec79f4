"""The distances that tests/metrics/test_perceptual_distance.py expects: the authors' LPIPS, of weights that are drawn.

    pip install torch torchvision lpips
    python scripts/lpips_reference.py

The published weights of AlexNet are 244 MB; with drawn ones of the same names and shapes both implementations compute
the same function, or they don't. The test draws the same weights and images with the functions below.
"""

import numpy as np

SHAPES = {
    "features.0": (64, 3, 11, 11),
    "features.3": (192, 64, 5, 5),
    "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3),
    "features.10": (256, 256, 3, 3),
}
"""Out, in, height and width of AlexNet's convolutions, by torchvision's names."""
SIZES = ((64, 64), (33, 50), (128, 97), (32, 32))
"""(height, width) of the images."""


def draw_weights() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Convolutions that keep the scale of what they are given, and linear weights from 0 to 1; by PyTorch's names."""
    random = np.random.default_rng(2018)
    convolutions, linear = {}, {}
    for depth, (name, shape) in enumerate(SHAPES.items()):
        kernel = random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        convolutions[f"{name}.weight"] = kernel.astype("float32")
        convolutions[f"{name}.bias"] = random.normal(0, 0.1, shape[0]).astype("float32")
        linear[f"lin{depth}.model.1.weight"] = random.uniform(0, 1, (1, shape[0], 1, 1)).astype("float32")
    return convolutions, linear


def draw_images() -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of batches, uint8 (2, height, width, 3): noise beside the same at half contrast, and beside its mirror."""
    random = np.random.default_rng(1801)
    pairs = []
    for size in SIZES:
        first = random.integers(0, 256, (2, *size, 3), "uint8")
        pairs.append((first, np.stack([first[0] // 2 + 50, first[1, :, ::-1]])))
    return pairs


def main() -> None:
    import lpips
    import torch

    convolutions, linear = draw_weights()
    network = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    state = dict(linear)
    for depth, name in enumerate(SHAPES, 1):
        for part in ("weight", "bias"):
            state[f"net.slice{depth}.{name.removeprefix('features.')}.{part}"] = convolutions[f"{name}.{part}"]
    tensors = {name: torch.tensor(array) for name, array in state.items()}
    missing, unexpected = network.load_state_dict(tensors, strict=False)
    # The linear weights have second names, and the constants of the scaling layer stay the authors'.
    assert not unexpected and all(name.startswith(("lins.", "scaling_layer.")) for name in missing), missing
    for pair in draw_images():
        first, second = (torch.tensor(batch).permute(0, 3, 1, 2) / 127.5 - 1 for batch in pair)
        with torch.no_grad():
            print([round(value, 7) for value in network(first, second).flatten().tolist()])


if __name__ == "__main__":
    main()
