"""How fast exported files are against Keras, for the generators of the papers at the sizes that are compared.

    python benchmarks/export.py                     all four
    python benchmarks/export.py pix2pix --seconds 5

Each generator, untrained, for that changes nothing, is run as a Keras `tf.function` and as TFLite in each precision: in
processes of their own, in turns, on one thread and on all. It prints medians in milliseconds, the distance between the
quartiles, how many times as fast as the `tf.function`, and peak memory. Ratios compare; it never passes or fails.
`ganzoo benchmark MODEL` does the same for a trained one, and in more ways.
"""

import tempfile
from pathlib import Path

import click

from ganzoo.backends.quiet import import_keras

SETTINGS = {"dcgan": {}, "pix2pix": {"image_size": 256}, "srgan": {}, "cyclegan": {"image_size": 256}}
"""SRGAN takes any size, and is run from 64 to 256 pixels."""
TFLITE = ("TFLite float32", "TFLite float16", "TFLite dynamic", "TFLite int8")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SETTINGS)))
@click.option("--seconds", default=2.0, show_default=True, help="For each way and number of threads.")
def main(names, seconds):
    import_keras()
    import ganzoo
    from ganzoo.exporting import benchmark

    for name in names or SETTINGS:
        generator = next(iter(ganzoo.create(name, **SETTINGS[name]).deployed().values()))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{name}.keras")
            generator.save(path)
            ways = [
                way for way in benchmark.ways_of_keras(path, Path(folder)) if way.name in (benchmark.BASELINE, *TFLITE)
            ]
            show(name, benchmark.compare(ways, seconds=seconds))


def show(name: str, rows: list[dict]) -> None:
    print(
        f"{name:20}{'MB':>8}"
        + "".join(f"{'threads':>10}{'ms':>9}{'spread':>9}{'ratio':>8}" for _ in rows[0]["timings"])
    )
    for row in rows:
        cells = "".join(
            f"{timing['threads']:10}{timing['median_ms']:9.2f}{timing['spread_ms']:9.2f}{timing['speedup']:8.2f}"
            for timing in row["timings"]
        )
        print(f"{row['name']:20}{row['bytes'] / 1e6:8.1f}{cells}   {row['peak_memory_mib']:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
