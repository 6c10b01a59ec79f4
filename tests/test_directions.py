"""Directions that steer what is painted: principal ones, those of labels, and what `--edit` does with them."""

import json

import numpy as np
import pytest
import small
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo.cli import cli
from ganzoo.errors import RunError, UsageError
from ganzoo.generators import directions, finding, inference, label_directions, pretrained
from ganzoo.lite import card
from ganzoo.lite.network import Network
from ganzoo.metrics.networks import FeatureNetwork


def test_principal_directions_are_the_axes_of_an_ellipsoid_and_as_long():
    random = np.random.default_rng(0)
    # A turn in the plane of the first two of three axes; the third is short.
    turn = np.array([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    codes = (random.standard_normal((40_000, 3)) * [3.0, 2.0, 0.5]) @ turn
    first, second = directions.principal(codes.astype("float32"), 2)
    np.testing.assert_allclose(first.vector, [1.8, 2.4, 0.0], atol=0.05)
    # The largest entry is above 0, whatever the sign that an eigenvector comes with.
    np.testing.assert_allclose(second.vector, [1.6, -1.2, 0.0], atol=0.05)
    assert [first.name, second.name] == ["pc1", "pc2"]
    assert (first.share, second.share) == pytest.approx((9 / 13.25, 4 / 13.25), abs=0.01)


def bright_by_its_first_code() -> Network:
    """Codes are twice the latents; a picture is one gray, 128 and 40 more for each 1 of the first entry."""

    def tensor(name: str, kind: str, *shape: int, **more) -> card.Tensor:
        return card.Tensor(name, kind, (1, *shape), "float32", **more)

    latents, code = tensor("latents", "latents", 3), tensor("code", "code", 3)
    styles, image = tensor("styles", "styles", 2, 3), tensor("image", "image", 4, 4, 1, range=(0.0, 255.0))

    def painted(styles):
        return np.broadcast_to(128 + 40 * styles[:, :1, :1, None], (len(styles), 4, 4, 1))

    first = Network("mapping", card.Interface("", (latents,), (code,)), lambda values: 2 * np.asarray(values))
    second = Network("synthesis", card.Interface("", (styles,), (image,)), painted)
    whole = card.Interface("", (latents,), (image,))
    return Network("gray", whole, lambda values: painted(inference.spread(None, 2 * values)), (first, second))


BRIGHTNESS = FeatureNetwork(
    "brightness", "FD", "KD", 1, "", "", lambda image: image, lambda images: images.mean((1, 2)).astype("float32")
)


def of_brightness(limit: float, said: list | None = None):
    """The direction of pictures brighter than a limit, by examples of all grays."""
    opened, grays = bright_by_its_first_code(), np.arange(256)
    codes = directions.codes(opened, 500)
    names = [str(gray) for gray in grays]
    samples = codes, label_directions._features(BRIGHTNESS, opened, codes)
    examples = names, grays[:, None].astype("float32")
    attribute = {name: int(name) > limit for name in names}
    say = (said if said is not None else []).append
    return list(label_directions._of_attribute("bright", attribute, examples, samples, opened, BRIGHTNESS, say))


def test_the_direction_of_a_label_goes_to_what_shows_it_and_says_how_far():
    (found,) = of_brightness(128)
    # Codes of this network have a deviation of 2 along every axis.
    np.testing.assert_allclose(found.vector, [2.0, 0.0, 0.0], atol=0.3)
    before, usual, after = found.shown
    assert before < 0.1 and 0.35 < usual < 0.65 and after > 0.9


def test_a_label_that_few_examples_show_has_no_direction_and_it_is_said():
    said = []
    assert of_brightness(250, said) == []
    assert said == ["bright: shown by 5 of 256 pictures; too few, or all but a few"]


@pytest.fixture(scope="module")
def gan():
    return small.styled()


@pytest.fixture
def saved(gan, tmp_path):
    """Its file, in a folder of its own."""
    path = tmp_path / "model" / "gan.keras"
    path.parent.mkdir()
    gan.save(path)
    return path


def test_an_edit_moves_the_code_of_every_layer_whatever_the_truncation(saved, tmp_path):
    opened = inference.open_network(saved)
    (pc1, pc2, *_) = directions.principal(directions.codes(opened, directions.CODES), 6)
    words = [
        "--seeds",
        "5",
        "--truncation",
        "0.5",
        "--edit",
        "pc1=+1.5,pc2=-1.5",
        "--edit",
        "pc1=0.5",
        "--out",
        str(tmp_path / "out"),
    ]
    found = CliRunner().invoke(cli, ["generate", str(saved), *words], catch_exceptions=False)
    assert found.exit_code == 0
    code = inference.codes_of(opened, inference.first_of(opened, [5]))
    styles = inference.spread(opened, 0.5 * code + 2 * pc1.vector - 1.5 * pc2.vector)
    (expected,) = np.concatenate(list(inference.made(opened, styles)))
    painted = np.asarray(Image.open(tmp_path / "out" / "seed_5.png"))
    assert np.abs(painted.astype(int) - expected).max() <= 1
    (unmoved,) = inference.sample_seeds(opened, [5], 0.5)
    assert np.abs(unmoved.astype(int) - expected).max() > 1


def test_what_was_found_is_told_again_until_the_weights_are_others(saved, gan):
    told = ganzoo.directions(saved, data=None, count=3)
    beside = saved.parent / "directions.json"
    document = json.loads(beside.read_text())
    assert (document["format"], document["length"]) == (1, 6)
    np.testing.assert_allclose(document["directions"][0]["vector"], told[0].vector, rtol=1e-5)
    renamed = beside.read_text().replace("pc1", "smile")
    beside.write_text(renamed)
    assert [one.name for one in ganzoo.directions(saved)] == ["smile", "pc2", "pc3"]
    gan.save(saved)
    with saved.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(
        RunError, match="is not of the weights that .* has; find the directions of these with: ganzoo directions"
    ):
        directions.known(pretrained.find(saved))


def test_pictures_of_directions_have_a_row_for_each_and_the_sample_itself_in_the_middle(saved):
    opened = inference.open_network(saved)
    table = np.asarray(finding.shown(opened, directions.principal(directions.codes(opened, 100), 2)))
    height, width, gap = 32, 32, 4
    assert table.shape[0] == gap + 2 * (height + gap)
    left = table.shape[1] - 7 * (width + gap)
    (own,) = inference.sample(opened, 1)
    cells = [
        [table[gap + row * 36 :, left + column * 36 :][:height, :width].astype(int) for column in range(7)]
        for row in range(2)
    ]
    for row in cells:
        assert np.abs(row[3] - own).max() <= 1
        assert np.abs(row[0] - own).max() > np.abs(row[2] - own).max() > 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["dcgan/avatars", "--edit", "pc1=2"], "has no styles that can be steered: give a StyleGAN2"),
        (["MODEL", "--edit", "pv1=2"], "no direction 'pv1'; did you mean 'pc1'"),
        (["MODEL", "--edit", "pc1"], "found 'pc1'; give a direction and how far, as in glasses=+2,beard=-1"),
        (["MODEL", "--edit", "pc1=nan"], "found pc1=nan; give a number, as in pc1=+2"),
        (["MODEL", "--mix", "1", "2", "--class", "a"], "--mix: says what is painted, so that --class must be left"),
        (["MODEL", "--edit", "pc1=2", "--mix", "1", "2"], "--mix: says what is painted, so that --edit must be left"),
    ],
)
def test_what_can_not_be_edited_is_told_in_a_line(saved, tmp_path, words, told):
    words = [str(saved) if word == "MODEL" else word for word in words]
    found = CliRunner().invoke(cli, ["generate", *words, "--out", str(tmp_path / "out.png")])
    assert isinstance(found.exception, UsageError | SystemExit) and told in f"{found.output} {found.exception}"


def test_an_export_leaves_no_directions_of_other_weights_beside_its_files(saved, tmp_path):
    ganzoo.directions(saved, count=2)
    found, out = pretrained.find(saved), tmp_path / "out"
    out.mkdir()
    directions.copy(found, out)
    assert (out / "directions.json").read_bytes() == (saved.parent / "directions.json").read_bytes()
    with saved.open("ab") as file:
        file.write(b"\0")
    directions.copy(found, out)
    assert not (out / "directions.json").exists()


def test_a_name_with_a_comma_can_be_edited():
    from ganzoo.options import edits

    assert edits(None, None, ["tench, Tinca tinca=+2.,pc1=-1", "pc1=0.5"]) == {"tench, Tinca tinca": 2.0, "pc1": -0.5}


@pytest.mark.parametrize("text", ["{", '{"format": 9}', '{"format": 1, "length": 2, "directions": [{"name": "a"}]}'])
def test_a_broken_file_of_directions_is_told_in_a_line(saved, text):
    (saved.parent / "directions.json").write_text(text)
    with pytest.raises(RunError, match=r"directions\.json: can't be read .*; remove it, and find them anew"):
        ganzoo.directions(saved)


def test_a_source_without_labels_gives_principal_directions_unless_it_was_named(saved, tmp_path):
    said = []
    found = ganzoo.directions(saved, tmp_path / "out", count=2, say=said.append)
    assert [one.kind for one in found] == ["principal"] * 2
    assert "principal directions alone" in said[0] and "name labeled pictures by --data" in said[0]
    with pytest.raises(UsageError, match="embedded:emoji: has no labels"):
        ganzoo.directions(saved, data="embedded:emoji")
