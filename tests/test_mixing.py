"""What is done in the space of styles: truncation, ways between seeds, and tables of mixed styles."""

import numpy as np
import pytest
import small
from click.testing import CliRunner
from painters import painter
from PIL import Image

import ganzoo
from ganzoo.cli import cli
from ganzoo.errors import UsageError
from ganzoo.generators import generation, inference, keras_network, mixing
from ganzoo.generators.provenance import Provenance


@pytest.fixture(scope="module")
def gan():
    return small.styled()


@pytest.fixture(scope="module")
def generator(gan):
    return gan.released()["generator"]


@pytest.fixture(scope="module")
def opened(gan, tmp_path_factory):
    """As it is opened from a file, which says what it is."""
    path = tmp_path_factory.mktemp("run") / "gan.keras"
    gan.save(path)
    return inference.open_network(path)


def pixels(values) -> np.ndarray:
    return np.rint(np.clip(np.asarray(values) * 127.5 + 127.5, 0, 255)).astype("uint8")


def codes(generator, seeds) -> np.ndarray:
    """Codes less their mean, (N, 6)."""
    latents = np.concatenate([ganzoo.lite.latents.draw(seed, 1, 6) for seed in seeds])
    return np.asarray(generator.get_layer("mapping")(latents))


def made(generator, styles) -> np.ndarray:
    return pixels(generator.get_layer("synthesis")(styles.astype("float32")))


def spread(generator, values) -> np.ndarray:
    return np.repeat(values[:, None], generator.get_layer("synthesis").input_shape[1], axis=1)


def test_truncation_pulls_codes_to_their_mean_and_not_latents_to_0(generator, opened):
    expected = made(generator, spread(generator, 0.4 * codes(generator, [0])))
    found = inference.sample(opened, 1, truncation=0.4)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.abs(found.astype(int) - inference.sample(opened, 1)).max() > 1


def test_a_way_is_straight_between_codes(generator, opened):
    start, end = codes(generator, [3, 8])
    expected = made(generator, spread(generator, np.stack([start, 0.5 * (start + end), end])))
    assert np.abs(inference.interpolate(opened, 3, [3, 8]).astype(int) - expected).max() <= 1


def test_a_table_has_coarse_styles_of_rows_and_fine_ones_of_columns(generator, opened):
    rows, columns = [1, 2], [5, 6, 7]
    ((_, styles),) = mixing.crossed(opened, rows, columns).items()
    coarse, fine = codes(generator, rows), codes(generator, columns)
    assert styles.shape == (6, 8, 6)
    for place, style in enumerate(styles):
        row, column = divmod(place, 3)
        np.testing.assert_allclose(style[:4], np.tile(coarse[row], (4, 1)), atol=1e-5)
        np.testing.assert_allclose(style[4:], np.tile(fine[column], (4, 1)), atol=1e-5)


def test_a_table_shows_its_rows_at_the_left_and_its_columns_above(opened, tmp_path):
    mixing.write(opened, tmp_path / "table.png", [1], [5, 1])
    table = np.asarray(Image.open(tmp_path / "table.png"))
    size, gap = 32, 4

    def cell(row: int, column: int) -> np.ndarray:
        top, left = gap + row * (size + gap), gap + column * (size + gap)
        return table[top : top + size, left : left + size]

    assert (cell(0, 0) == 255).all()
    own = inference.sample_seeds(opened, [1, 5])
    # A seed mixed with itself is itself; in batches of another size, but for rounding.
    for place, seed in (((1, 0), 0), ((0, 1), 1), ((1, 2), 0)):
        assert np.abs(cell(*place).astype(int) - own[seed]).max() <= 1
    assert np.abs(cell(1, 1).astype(int) - own[0]).max() > 1


def test_a_file_of_classes_says_that_it_takes_one_and_paints_all_in_turns(tmp_path):
    gan = small.create("stylegan2", latent_dim=6, classes=3)
    gan.save(tmp_path / "gan.keras")
    opened = inference.open_network(tmp_path / "gan.keras")
    assert opened.described == "takes latents and a class, and gives an image"
    latents = ganzoo.lite.latents.draw(2, 3, 6)
    expected = pixels(gan.released()["generator"]([latents, np.arange(3)]))
    assert np.abs(inference.sample(opened, 3, 2).astype(int) - expected).max() <= 1


def test_a_way_of_a_table_of_classes_is_that_of_each_class_in_its_column(tmp_path):
    gan = small.create("stylegan2", latent_dim=6, classes=3)
    gan.save(tmp_path / "gan.keras")
    opened = inference.open_network(tmp_path / "gan.keras")
    generation.generate_samples(opened, tmp_path / "out", count=3, interpolate=[4, 9], table=["2", "0"])
    found = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").glob("*.png"))]).astype(int)
    mapping, synthesis = (gan.released()["generator"].get_layer(part) for part in ("mapping", "synthesis"))
    latents = np.concatenate([ganzoo.lite.latents.draw(seed, 1, 6) for seed in (4, 9)])
    for column, label in enumerate((2, 0)):
        start, end = np.asarray(mapping([latents, np.full(2, label)]))
        styles = np.repeat(np.stack([start, (start + end) / 2, end])[:, None], synthesis.input_shape[1], axis=1)
        assert np.abs(found[column::2] - pixels(synthesis(styles))).max() <= 1


def test_a_way_stays_in_the_first_class(tmp_path):
    gan = small.create("stylegan2", latent_dim=6, classes=3)
    gan.save(tmp_path / "gan.keras")
    mapping, synthesis = (gan.released()["generator"].get_layer(part) for part in ("mapping", "synthesis"))
    latents = np.concatenate([ganzoo.lite.latents.draw(seed, 1, 6) for seed in (4, 9)])
    start, end = np.asarray(mapping([latents, np.zeros(2)]))
    styles = np.repeat(np.stack([start, end])[:, None], synthesis.input_shape[1], axis=1)
    found = inference.interpolate(inference.open_network(tmp_path / "gan.keras"), 2, [4, 9])
    assert np.abs(found.astype(int) - pixels(synthesis(styles))).max() <= 1


def test_mix_of_a_network_without_styles_is_refused_in_a_line(tmp_path):
    network = small.create("dcgan").generator
    with pytest.raises(UsageError, match="takes latents and gives an image, and has no styles to mix: leave --mix out"):
        ganzoo.generate(network, out=tmp_path / "table.png", mix=([1], [2]))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--mix", "1,x", "2"], "found '1,x'; give seeds of rows and of columns, as in 1,2,3 4-7"),
        (["--mix", "1", "2", "--seed", "3"], "--mix: says what is painted, so that --seed must be left out"),
    ],
)
def test_seeds_that_are_none_or_two_kinds_are_refused(words, told, tmp_path):
    found = CliRunner().invoke(cli, ["generate", "dcgan/avatars", "--out", str(tmp_path / "x.png"), *words])
    assert found.exit_code and told in f"{found.output} {found.exception}"


def test_latents_and_styles_of_a_file_make_what_they_made(opened, tmp_path):
    latents = inference.first_of(opened, [5, 9])
    np.savez(tmp_path / "latents.npz", **latents)
    np.savez(tmp_path / "styles.npz", **inference.styles_of(opened, latents))
    expected = inference.sample_seeds(opened, [5, 9])
    for name in ("latents", "styles"):
        generation.generate_samples(opened, tmp_path / name, latents=tmp_path / f"{name}.npz")
        found = [np.asarray(Image.open(path)) for path in sorted((tmp_path / name).glob("*.png"))]
        assert np.abs(np.stack(found).astype(int) - expected).max() <= 1


def test_latents_of_a_file_are_painted_as_all_classes_in_turns_where_a_class_is_taken(tmp_path):
    generator = painter("biggan", classes=3)
    sizes = {**small.config("biggan"), "classes": 3}
    known = Provenance("biggan", "generator", {"model": sizes}, {"label": ("cat", "dog", "fox")})
    network = keras_network.of_model(generator, known)
    latents = inference.drawn(network, 4, 5)
    np.savez(tmp_path / "latents.npz", latents=latents["latents"])
    generation.generate_samples(network, tmp_path / "out", latents=tmp_path / "latents.npz")
    found = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").glob("*.png"))]
    expected = inference.sample(network, 5, 4)
    np.testing.assert_array_equal(np.stack(found).reshape(expected.shape), expected)
    assert latents["label"].tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"latents": np.zeros((2, 7))}, r"found latents \(2, 7\); .* takes latents \(N, 6\) or styles \(N, 8, 6\)"),
        ({"styles": np.zeros((0, 8, 6))}, r"found styles \(0, 8, 6\); .* takes latents"),
        (None, r"can't be read .*; give an \.npz file of latents \(N, 6\) or styles \(N, 8, 6\)"),
    ],
)
def test_a_file_without_latents_that_fit_is_refused_in_a_line(opened, tmp_path, arrays, told):
    path = tmp_path / "given.npz"
    np.savez(path, **arrays) if arrays else path.write_text("no arrays")
    with pytest.raises(UsageError, match=f"--latents {path}: {told}"):
        generation.generate_samples(opened, tmp_path / "out.png", latents=path)
