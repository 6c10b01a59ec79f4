"""Differentiable augmentation of what a discriminator sees (Zhao et al. 2020, "DiffAugment")."""

from keras import ops, random

FACTORS = ("brightness", "saturation", "contrast", "rows", "columns", "cutout_row", "cutout_column")


def augment(images: tuple, policy: tuple[str, ...], seed) -> tuple:
    """Augments the images by one random draw per example, shared by all of `images`; differentiable in the images.

    Args:
        images: tensors of (B, H, W, C) in [-1, 1], all of one height and width, e.g. an input and its translation.
        policy: any of `color` (brightness ±0.5, saturation 0 to 2, contrast 0.5 to 1.5), `translation` (up to 1/8 of
            the size, filled with 0) and `cutout` (a square of half the size set to 0).
        seed: a seed as `keras.random` takes it.
    """
    if not policy:
        return images
    batch = ops.shape(images[0])[0]
    draws = random.uniform((batch, len(FACTORS)), seed=seed, dtype=images[0].dtype)
    draw = {name: ops.reshape(draws[:, i], (-1, 1, 1, 1)) for i, name in enumerate(FACTORS)}
    for name in policy:
        images = tuple(POLICIES[name](image, draw) for image in images)
    return images


def _color(image, draw):
    image = image + (draw["brightness"] - 0.5)
    gray = ops.mean(image, axis=3, keepdims=True)
    image = gray + (image - gray) * (2 * draw["saturation"])
    mean = ops.mean(image, axis=(1, 2, 3), keepdims=True)
    return mean + (image - mean) * (draw["contrast"] + 0.5)


def _translation(image, draw):
    # A product with a matrix of zeros and ones shifts rows: row i takes row i - shift, or nothing.
    height, width = image.shape[1:3]
    rows = _shift_matrix(height, draw["rows"])
    columns = _shift_matrix(width, draw["columns"])
    return ops.einsum("bij,bjkc,blk->bilc", rows, image, columns)


def _shift_matrix(size: int, draw):
    limit = int(size / 8 + 0.5)
    shift = ops.floor(ops.reshape(draw, (-1, 1, 1)) * (2 * limit + 1)) - limit
    position = ops.arange(size, dtype=draw.dtype)
    return ops.cast(ops.equal(position[None, :, None] - shift, position[None, None, :]), draw.dtype)


def _cutout(image, draw):
    height, width = image.shape[1:3]
    rows = _outside_window(height, ops.reshape(draw["cutout_row"], (-1, 1)))
    columns = _outside_window(width, ops.reshape(draw["cutout_column"], (-1, 1)))
    return image * ops.maximum(rows[:, :, None, None], columns[:, None, :, None])


def _outside_window(size: int, draw):
    window = size // 2
    start = ops.floor(draw * (size + 1)) - window // 2
    position = ops.arange(size, dtype=draw.dtype)[None]
    return ops.cast(ops.logical_or(position < start, position >= start + window), draw.dtype)


POLICIES = {"color": _color, "translation": _translation, "cutout": _cutout}
