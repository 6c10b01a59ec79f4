"""Differentiable augmentation of what a discriminator sees: Zhao et al. 2020, "DiffAugment"; Karras et al. 2020, "ADA".

"Training Generative Adversarial Networks with Limited Data" (ADA), appendix B, is the source of `flip`, `turn` and
`geometry`, and of a strength below 1; rotation by other than quarter turns is left out.
"""

from keras import ops, random

FACTORS = ("brightness", "saturation", "contrast", "rows", "columns", "cutout_row", "cutout_column")
MORE = ("flip", "turn", "size", "aspect", "down", "right")
"""Factors of further policies, which are drawn where one of them is asked for, or a strength."""


def augment(images: tuple, policy: tuple[str, ...], seed, strength=None) -> tuple:
    """Augments the images by one random draw per example, shared by all of `images`; differentiable in the images.

    Args:
        images: tensors of (B, H, W, C) in [-1, 1], all of one height and width, e.g. an input and its translation.
        policy: any of `color` (brightness ±0.5, saturation 0 to 2, contrast 0.5 to 1.5), `translation` (up to 1/8 of
            the size, filled with 0), `cutout` (a square of half the size set to 0), `flip` (half of them mirrored),
            `turn` (by 0 to 3 quarters) and `geometry` (size and aspect by factors of 2^(0.2 n), moved by 1/8 n of the
            size, n normal; filled with 0).
        seed: a seed as `keras.random` takes it.
        strength: the probability, a scalar tensor, of each of `policy` for each example; None: 1.
    """
    if not policy:
        return images
    batch = ops.shape(images[0])[0]
    names = FACTORS if strength is None and set(policy) <= PLAIN else (*FACTORS, *MORE, *map(_chosen, POLICIES))
    draws = random.uniform((batch, len(names)), seed=seed, dtype=images[0].dtype)
    draw = {name: ops.reshape(draws[:, i], (-1, 1, 1, 1)) for i, name in enumerate(names)}
    for name in policy:
        changed = tuple(POLICIES[name](image, draw) for image in images)
        if strength is not None:
            chosen = draw[_chosen(name)] < ops.cast(strength, images[0].dtype)
            changed = tuple(ops.where(chosen, new, old) for new, old in zip(changed, images, strict=True))
        images = changed
    return images


def _chosen(name: str) -> str:
    return f"chosen {name}"


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


def _flip(image, draw):
    return ops.where(draw["flip"] < 0.5, ops.flip(image, axis=2), image)


def _turn(image, draw):
    quarters = ops.floor(4 * draw["turn"])
    turned = image
    for count in (1, 2, 3):
        turned = ops.where(ops.equal(quarters, count), ops.rot90(image, k=count, axes=(1, 2)), turned)
    return turned


def _geometry(image, draw):
    size, aspect, down, right = (_normal(draw[name]) for name in ("size", "aspect", "down", "right"))
    size, aspect = 2 ** (0.2 * size), 2 ** (0.2 * aspect)
    height, width = image.shape[1:3]
    rows = _resampling_matrix(height, size * aspect, down * height / 8)
    columns = _resampling_matrix(width, size / aspect, right * width / 8)
    return ops.einsum("bij,bjkc,blk->bilc", rows, image, columns)


def _normal(uniform):
    """Makes normal numbers of uniform ones, no larger than 3."""
    return ops.clip(2**0.5 * ops.erfinv(2 * uniform - 1), -3.0, 3.0)


def _resampling_matrix(size: int, factor, shift):
    """Matrices (B, size, size) that enlarge a line by a factor about its middle and move it, linearly interpolated."""
    factor, shift = ops.reshape(factor, (-1, 1, 1)), ops.reshape(shift, (-1, 1, 1))
    position, middle = ops.arange(size, dtype=factor.dtype), (size - 1) / 2
    source = (position[None, :, None] - middle - shift) / factor + middle
    return ops.relu(1 - ops.abs(source - position[None, None, :]))


PLAIN = {"color", "translation", "cutout"}
POLICIES = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
    "flip": _flip,
    "turn": _turn,
    "geometry": _geometry,
}
