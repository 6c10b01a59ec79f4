"""What a newcomer can't see of how a recipe takes its images, and what will go wrong, in words."""

from ganzoo.config import Recipe
from ganzoo.data.pipeline import Pipeline
from ganzoo.training import health

LEAST_SHARE = 0.5
"""Of a picture, in what training sees of it at a time: with less, generate meets what was never seen as a whole."""
MANY_EPOCHS = 5_000
"""As often a generator sees an image only where it can learn all of them by heart."""
COMPARED = 16
"""Images that are looked at, to see whether they differ."""


def preparation(recipe: Recipe, pipeline: Pipeline) -> list[str]:
    """How images become what is trained on, a line for each thing that the recipe decides."""
    size, data = recipe.model.image_size, recipe.data
    lines = [f"trained at {size}x{size} pixels (model.image_size)"]
    if "(side by side)" in pipeline.description:
        lines.append(f"the {data.input_side} half of each picture is the input (data.input_side)")
    if recipe.model.task == "super_resolution":
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
    if folders := _folders(pipeline):
        shown = ", ".join(folders[:5]) + (", …" if len(folders) > 5 else "")
        lines.append(f"{len(folders)} sub folders ({shown}) are taken together as one set: no classes are learned")
    if pipeline.skipped:
        lines.append(f"left out: {left_out(pipeline)}")
    return lines


def left_out(pipeline: Pipeline) -> str:
    """How many images are left out, and why, most frequent reason first."""
    reasons = [reason for _, reason in pipeline.skipped]
    counts = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
    several = sorted(counts, key=counts.get, reverse=True)
    return "; ".join(f"{counts[reason]:,} ({reason})" for reason in several[:3])


def warnings(recipe: Recipe, pipeline: Pipeline, last_step: int) -> list[str]:
    """What will go wrong, with what to do about it; empty where nothing is known to."""
    size, load_size = recipe.model.image_size, recipe.data.load_size
    found, count, batch = [], len(pipeline), pipeline.batch_size
    if (share := _share_seen(recipe)) < LEAST_SHARE:
        found.append(
            f"training sees {share:.0%} of a picture at a time ({size} of data.load_size "
            f"{load_size} pixels), and generate paints the whole: set data.load_size={round(size * 1.12)}, or null"
        )
    if count < batch:
        found.append(f"{count:,} images are fewer than a batch of {batch:,}, which shows some of them several times")
    epochs = last_step * batch / count
    if epochs > MANY_EPOCHS:
        found.append(
            f"each of {count:,} images is seen {epochs:,.0f} times and will be learned by heart: give more images, or "
            "fewer --steps"
        )
    for key, images in pipeline.fixed(COMPARED).items():
        if health.largest_difference(images) < health.ALIKE:
            found.append(
                f"{key}: {len(images)} images, spread evenly over all, are the same, to within 2 levels of 255: "
                "nothing but that one can be learnt; look at data.source"
            )
    return found


def _share_seen(recipe: Recipe) -> float:
    """The share of a square picture that a visit sees."""
    size, load_size = recipe.model.image_size, recipe.data.load_size
    return (size / load_size) ** 2 if load_size else 1.0


def _folders(pipeline: Pipeline) -> list[str]:
    """The sub folders that images of one set come from, where there are several."""
    if pipeline.task != "latent" or not pipeline.description.partition(" from ")[2].startswith("folder:"):
        return []
    folders = sorted({name.partition("/")[0] for name in pipeline.names if "/" in name})
    return folders if len(folders) > 1 else []
