"""Notes for newcomers, in words: how a recipe takes its data, and what will go wrong."""

from collections.abc import Mapping, Sequence

from ganzoo.config.recipe import Recipe
from ganzoo.data.fields import Clip, Crop, Image, Label, as_shown, fields_of, keys_of
from ganzoo.data.pipeline import Pipeline
from ganzoo.errors import UsageError, quoted
from ganzoo.training import health

LEAST_SHARE = 0.5
"""The least share of a picture to train on at a time: with less, generate meets what was never seen as a whole."""
MANY_EPOCHS = 5_000
"""The visits to an image from which on a generator can learn all images by heart."""
UNEQUAL = 2
"""The ratio of the largest class to the smallest that is worth a word."""
COMPARED = 16
"""Images that are looked at, to see whether they differ."""


def preparation(recipe: Recipe, pipeline: Pipeline) -> list[str]:
    """Returns how examples become what is trained on, a line for each thing that the recipe decides."""
    clips = [_of_clips(field, recipe.model) for field in fields_of(recipe.model).values() if isinstance(field, Clip)]
    lines = clips[:1] or _of_pictures(recipe, pipeline)
    for key, names in pipeline.names.items():
        noun, known = ("classes", names) if key in keys_of(recipe.model, Label) else ("words", names[1:])
        lines.append(f"{key}: {len(known):,} {noun} ({_shown(known)})")
        if noun == "classes":
            lines[-1] += _sizes(pipeline.class_counts(key))
    if folders := _folders(pipeline):
        lines.append(
            f"{len(folders)} sub folders ({_shown(folders)}) are taken together as one set: no classes are learned"
        )
    if pipeline.skipped:
        lines.append(f"left out: {left_out(pipeline)}")
    return lines


def _of_clips(field: Clip, model) -> str:
    length, rate = getattr(model, field.length), getattr(model, field.rate)
    return (
        f"trained on {length:,} values, {length / rate:.2f} s, at a time (model.{field.length}), of which each visit "
        "sees others"
    )


def _of_pictures(recipe: Recipe, pipeline: Pipeline) -> list[str]:
    size, data = recipe.model.image_size, recipe.data
    lines = [f"trained at {size}x{size} pixels (model.image_size)"]
    if "(side by side)" in pipeline.description:
        lines.append(f"the {data.input_side} half of each picture is the input (data.input_side)")
    if any(keys_of(recipe.model, Crop)):
        lines.append(f"each visit sees another {size}x{size} of a picture, at its own size")
    elif data.resize == "squash":
        lines.append("both sides are brought to that size, which changes proportions (data.resize)")
    else:
        lines.append("the shorter side is brought to that size; what is longer is cropped (data.resize)")
    if data.load_size:
        lines[-1] = (
            f"brought to {data.load_size} (data.load_size), of which each visit sees another {size}x{size}: "
            f"{_share_seen(recipe):.0%} of a square picture"
        )
    return lines


def check_classes(recipe: Recipe, pipeline: Pipeline) -> None:
    """Raises UsageError where a class has one example, or none: it could not be told from that example."""
    for key, field in fields_of(recipe.model).items():
        if not isinstance(field, Label) or field.each:
            continue
        rare = {name: count for name, count in pipeline.class_counts(key).items() if count < 2}
        if rare:
            name, count = next(iter(rare.items()))
            others = f", and {len(rare) - 1} more classes have too few" if len(rare) > 1 else ""
            raise UsageError(
                f"{recipe.data.source}: {key} {quoted(name)} has {count or 'no'} example{'s' * (count != 1)} to train "
                f"on{others}; give each 2 or more, or take it away"
            )


def _sizes(counts: Mapping[str, int]) -> str:
    """Returns how many examples classes have, and says it where some have much fewer."""
    least, most = min(counts, key=counts.get), max(counts, key=counts.get)
    if counts[least] == counts[most]:
        return f", {counts[least]:,} of each"
    unequal = f": {counts[most] / counts[least]:,.0f} times as many" if counts[most] >= UNEQUAL * counts[least] else ""
    return f", from {counts[least]:,} ({least}) to {counts[most]:,} ({most}){unequal}"


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def left_out(pipeline: Pipeline) -> str:
    """Returns how many images are left out, and why, most frequent reason first."""
    reasons = [reason for _, reason in pipeline.skipped]
    counts = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
    several = sorted(counts, key=counts.get, reverse=True)
    return "; ".join(f"{counts[reason]:,} ({reason})" for reason in several[:3])


def warnings(recipe: Recipe, pipeline: Pipeline, last_step: int) -> list[str]:
    """Returns what will go wrong, with what to do about it; nothing where all is well."""
    found, count, batch = [], len(pipeline), pipeline.batch_size
    noun = "clips" if any(keys_of(recipe.model, Clip)) else "images"
    if (share := _share_seen(recipe)) < LEAST_SHARE:
        size, load_size = recipe.model.image_size, recipe.data.load_size
        found.append(
            f"training sees {share:.0%} of a picture at a time ({size} of data.load_size "
            f"{load_size} pixels), and generate paints the whole: set data.load_size={round(size * 1.12)}, or null"
        )
    if count < batch:
        found.append(f"{count:,} {noun} are fewer than a batch of {batch:,}, which shows some of them several times")
    epochs = last_step * batch / count
    if epochs > MANY_EPOCHS:
        found.append(
            f"each of {count:,} {noun} is seen {epochs:,.0f} times and will be learned by heart: give more {noun}, or "
            "fewer --steps"
        )
    fixed = pipeline.fixed(COMPARED)
    for key in keys_of(recipe.model, Image):
        images = as_shown(fields_of(recipe.model)[key], fixed[key])
        if health.largest_difference(images) < health.ALIKE:
            found.append(
                f"{key}: {len(images)} images, spread evenly over all, are the same, to within 2 levels of 255: "
                "nothing but that one can be learnt; look at data.source"
            )
    return found


def _share_seen(recipe: Recipe) -> float:
    """The share of a square picture that a visit sees."""
    load_size = recipe.data.load_size
    return (recipe.model.image_size / load_size) ** 2 if load_size else 1.0


def _folders(pipeline: Pipeline) -> list[str]:
    """The sub folders that a batch of nothing but pictures of one set comes from, where there are several."""
    if len(pipeline.shapes) > 1 or not pipeline.description.partition(" from ")[2].startswith("folder:"):
        return []
    folders = sorted({name.partition("/")[0] for name in pipeline.files if "/" in name})
    return folders if len(folders) > 1 else []
