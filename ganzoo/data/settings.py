"""Checks that the settings of `data` make sense for a batch."""

from ganzoo.config.recipe import DataConfig
from ganzoo.data import needs
from ganzoo.data.fields import Crop, Image, Label, Smaller, fields_of
from ganzoo.errors import UsageError


def check_settings(config, data: DataConfig) -> None:
    """Raises UsageError, naming the setting, when one makes no sense for the batch of an architecture's config."""
    if data.label and not needs.has(config.batch, Label):
        raise UsageError(f"data.label: {needs.named(config.batch)} has no labels; remove it")
    if needs.has(config.batch, Image):
        _check_sizes(config, data)
    else:
        _check_no_pictures_are_changed(config, data)
    _check_drawings(config, data)


def _check_sizes(config, data: DataConfig) -> None:
    size, channels = config.image_size, config.channels
    if channels not in (1, 3):
        raise UsageError(f"model.channels: found {channels}; allowed are 3 (RGB) and 1 (luminance)")
    cut_out = needs.has(config.batch, Crop)
    if data.load_size and cut_out:
        raise UsageError("data.load_size: super-resolution crops images at their own size; remove load_size")
    if data.resize == "squash" and cut_out:
        raise UsageError("data.resize: super-resolution crops images at their own size; found squash, allowed is crop")
    if data.load_size and data.load_size < size:
        raise UsageError(
            f"data.load_size: found {data.load_size}, smaller than model.image_size {size}; "
            f"set it to {size} or more, or remove it"
        )
    for field in fields_of(config).values():
        if isinstance(field, Smaller) and size % (scale := getattr(config, field.by)):
            raise UsageError(f"model.image_size: found {size}; it must be a multiple of the {field.by}, {scale}")


def _check_no_pictures_are_changed(config, data: DataConfig) -> None:
    for name in ("load_size", "flip"):
        if getattr(data, name):
            raise UsageError(f"data.{name}: is for pictures; found {needs.named(config.batch)}; remove it")


def _check_drawings(config, data: DataConfig) -> None:
    if data.recolor and not data.hints:
        raise UsageError("data.recolor: only hints tell a generator of other colors; set data.hints, or remove it")
    for name in ("hints", "redraw"):
        if not getattr(data, name):
            continue
        pictures = needs.has(config.batch, Image)
        if not pictures or needs.layout(config.batch) != (2,) or config.channels != 3:
            found = f"{needs.named(config.batch)} with {config.channels} channels" if pictures else "no pictures"
            raise UsageError(
                f"data.{name}: is for drawings and what they become in color, in pairs of RGB images; found {found}; "
                "remove it"
            )
