"""The cost of a large set's features: images per second from files to statistics, and that memory does not grow.

    python benchmarks/features.py                          EfficientNet-Lite0, 2,000 and 10,000 images of 64x64
    python benchmarks/features.py --network mine.keras --count 5000

For each number of images, in a process of its own, it prints: seconds, images per second (the start of the process and
of the network left out), peak memory, and how far that lies above the peak at the start, when the network had run once.
Up to 10,000 features are kept as they are, 51 MB of EfficientNet-Lite0's; the rest does not grow. It never passes or
fails.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
MIB = 1 << 20
UNIT = 1 if sys.platform == "darwin" else 1024
"""The unit of ru_maxrss, in bytes."""


@click.command()
@click.option("--network", default="efficientnet-lite0", show_default=True, help="Or inception, or a .keras file.")
@click.option("--count", "counts", type=int, multiple=True, default=(2000, 10_000), show_default=True)
@click.option("--size", default=64, show_default=True, help="Side of the images.")
@click.option("--images", "folder", help="One line of JSON, for the PNG files of this folder, in this process.")
def main(network, counts, size, folder):
    if folder:
        print(json.dumps(measure(network, sorted(Path(folder).iterdir())[: counts[0]])))
        return
    print(f"{'images':>8}{'s':>9}{'images/s':>10}{'MiB':>8}{'grown':>8}")
    with tempfile.TemporaryDirectory() as folder:
        paint(Path(folder), max(counts), size)
        for count in counts:
            command = [sys.executable, __file__, "--network", network, "--count", str(count), "--images", folder]
            result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
            print(
                f"{count:8,}{result['seconds']:9.1f}{count / result['seconds']:10.1f}"
                f"{result['mib']:8.0f}{result['grown']:8.0f}",
                flush=True,
            )


def paint(folder: Path, count: int, size: int) -> None:
    """PNG files that are about as hard to decode as drawings: smooth noise."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
        coarse.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"{number:06}.png")


def measure(network: str, files: list[Path]) -> dict:
    """Seconds and peak memory of the features of image files."""
    from ganzoo.data.images import read_image
    from ganzoo.metrics.features import decoded, extract
    from ganzoo.metrics.networks import BATCH, open_feature_network

    opened = open_feature_network(network)
    extract(opened, decoded(lambda number: read_image(files[number]), min(BATCH, len(files))))
    before = peak()
    began = time.perf_counter()
    extract(opened, decoded(lambda number: read_image(files[number]), len(files)))
    return {"seconds": time.perf_counter() - began, "mib": peak() / MIB, "grown": (peak() - before) / MIB}


def peak() -> int:
    """The most memory this process has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


if __name__ == "__main__":
    main()
