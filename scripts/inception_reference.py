"""The features that tests/metrics/test_inception.py expects: torch-fidelity's, of weights that are drawn from a seed.

    pip install torch torchvision torch-fidelity
    python scripts/inception_reference.py

The published weights are 96 MB; with drawn ones of the same names and shapes both implementations compute the same
function, or they don't. The test draws the same weights and images with the functions below.
"""

import tempfile
from pathlib import Path

import numpy as np

SIZES = ((32, 32), (64, 48), (299, 299), (400, 330))
"""(height, width) of the images."""
INDICES = (0, 400, 800, 1200, 1600, 2000)
"""Features that are printed."""


def draw_tensors(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights by name, in the order of the names, such that activations neither vanish nor explode."""
    random = np.random.default_rng(2015)
    return {name: _draw(random, name, shapes[name]) for name in sorted(shapes) if "num_batches" not in name}


def draw_images() -> list[np.ndarray]:
    """uint8 (height, width, 3): noise, smooth enough that resizing matters."""
    random = np.random.default_rng(12)
    return [_smooth(random, height, width) for height, width in SIZES]


def _draw(random, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("conv.weight"):
        scale = np.sqrt(2 / np.prod(shape[1:]))
        return (random.standard_normal(shape, np.float32) * np.float32(scale)).astype(np.float32)
    low, high = {"running_var": (0.5, 1.5), "weight": (0.8, 1.2)}.get(name.rpartition(".")[2], (-0.2, 0.2))
    return random.uniform(low, high, shape).astype(np.float32)


def _smooth(random, height: int, width: int) -> np.ndarray:
    noise = random.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
    fine = random.integers(-20, 21, (height, width, 3))
    return np.clip(noise.repeat(4, 0).repeat(4, 1)[:height, :width] + fine, 0, 255).astype(np.uint8)


def main():
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Drawn(FeatureExtractorInceptionV3):
        """Reads the weights that are drawn for its own names and shapes."""

        def load_state_dict(self, _):
            own = self.state_dict()
            tensors = draw_tensors({name: tuple(tensor.shape) for name, tensor in own.items()})
            drawn = {name: torch.from_numpy(array) for name, array in tensors.items()}
            return super().load_state_dict(own | drawn)

    with tempfile.TemporaryDirectory() as folder:
        torch.save({}, Path(folder) / "none.pth")
        network = Drawn("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(Path(folder) / "none.pth"))
    for image in draw_images():
        (features,) = network(torch.from_numpy(image).permute(2, 0, 1)[None])
        print([round(float(features[0, index]), 6) for index in INDICES])


if __name__ == "__main__":
    main()
