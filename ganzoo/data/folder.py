"""Opens files in folders: `folder:PATH` and `folder:PATH_A,PATH_B`. The batch decides what a folder must hold:

a picture            PATH, searched recursively, linked folders too
two unrelated sets   PATH/trainA and PATH/trainB (testA, testB), PATH/A and PATH/B, or PATH_A and PATH_B
a pair               the same folders; the two files of a pair have the same name except for the extension and an _A or
                     _B at the end, and `data.input_side: right` makes B the input;
                     or PATH/input and PATH/target; or PATH with side-by-side images, twice as wide as high

Clips lie in the same folders, but never side by side. If PATH holds train/ and test/ or val/, the split picks one.
`data.domains` names other sub folders, also for more than two sets. Labels and captions: see `labels.py`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganzoo.config.recipe import DataConfig
from ganzoo.data import needs
from ganzoo.data.fields import Label, Tokens
from ganzoo.data.labels import captions_of, labels_of
from ganzoo.data.media import PICTURES, Medium, Skipped, all_files, broken, good_files, holds_any, medium_of, natural
from ganzoo.data.needs import Batch
from ganzoo.data.sources import ImageSet, Source, arrow, check_domain_count
from ganzoo.errors import UsageError, near_miss, nearest, quoted

SPLIT_FOLDERS = {"train": ("train",), "test": ("test", "val", "valid", "validation")}
PAIR_FOLDERS = (("A", "B"), ("input", "target"))
MIN_SIDE_BY_SIDE = 1.9
"""The least ratio of width to height; rounding may leave a pair a little narrower than 2."""
ONE, PAIR = (1,), (2,)
"""Layouts of a batch, see `needs.layout`."""


def open_source(data: DataConfig, batch: Batch, split: str) -> Source:
    """Opens the files of `folder:…`. Raises UsageError when a folder is missing or empty, or files don't match."""
    return open_folders(_paths(data.source.partition(":")[2]), data, batch, split, data.source)


def open_folders(paths: Sequence[Path], data: DataConfig, batch: Batch, split: str, where: str) -> Source:
    """Opens the files in one folder, or in one folder for each set. `where` names them in errors."""
    medium, groups = medium_of(batch), needs.groups(batch)
    folders, in_training = _folders(paths, data, batch, split, where)
    skipped: Skipped = []
    side_by_side = len(folders) < sum(map(len, groups))
    if len(groups) == 1 and len(folders) > 1:
        files = _matching_files(folders, medium, skipped, where)
    else:
        files = [good_files(folder, medium, skipped) for folder in folders]
    sets = tuple(medium.as_set(folder, found) for folder, found in zip(folders, files, strict=True))
    if side_by_side:
        sets, domains = _halves(*sets, data.input_side, where), ("side by side",)
    else:
        domains = [folder.name for folder in folders] if len(folders) > 1 else ()
    shown = f" ({arrow(domains, batch)})" if domains else ""
    labeled, described = needs.has(batch, Label), needs.has(batch, Tokens)
    return Source(
        sets,
        f"{where}{shown}",
        split,
        tuple(skipped),
        in_training=in_training,
        labels=labels_of(files[0], folders[0], paths[0], data.label, medium) if labeled else None,
        captions=captions_of(files[0], medium, where) if described else None,
    )


def _paths(text: str) -> list[Path]:
    """Splits the text into one path, or into two at a comma that is not part of an existing path."""
    whole = Path(text).expanduser()
    parts = [Path(part.strip()).expanduser() for part in text.split(",")]
    paths = [whole] if whole.exists() or len(parts) == 1 else parts
    if len(paths) > 2:
        raise UsageError(f"data.source: found {len(paths)} folders in 'folder:{text}'; allowed are one or two")
    for path in paths:
        _check_folder(path)
    return paths


def _check_folder(path: Path):
    if path.is_dir():
        return
    if path.exists():
        raise UsageError(f"data.source: {path} is a file; give the folder that holds the images")
    missing = path.absolute()
    while not missing.parent.exists():
        missing = missing.parent
    neighbors = [entry.name for entry in missing.parent.iterdir() if entry.is_dir()]
    raise UsageError(
        f"data.source: no folder {path}: there is no {quoted(missing.name)} in {missing.parent}"
        f"{near_miss(missing.name, neighbors)}"
    )


def _folders(paths: Sequence[Path], data: DataConfig, batch: Batch, split: str, where: str) -> tuple[list[Path], bool]:
    """Returns the folders to read, one for each set (one for side-by-side pairs), and whether they are for training."""
    medium, layout = medium_of(batch), needs.layout(batch)
    if len(paths) == 2:
        check_domain_count([str(path) for path in paths], batch, where)
        if data.domains:
            raise UsageError(f"data.domains: {where} is two folders already; remove domains or give one folder")
        chosen = [_split_folder(path, split, medium) for path in paths]
        return [folder for folder, _ in chosen], any(fell_back for _, fell_back in chosen)

    root, fell_back = _split_folder(paths[0], split, medium)
    if data.domains:
        check_domain_count(data.domains, batch, f"data.domains of {where}")
        for domain in data.domains:
            if not (root / domain).is_dir():
                present = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
                raise UsageError(f"data.domains: no folder {root / domain}{nearest(domain, present)}")
        return [root / domain for domain in data.domains], fell_back
    if layout == ONE:
        _check_not_for_testing(root, split, medium)
        return [root], fell_back
    if sum(layout) > 2:
        check_domain_count((), batch, f"data.domains of {where}")

    for name in (*SPLIT_FOLDERS[split], *SPLIT_FOLDERS["train"]):
        pair = [root / f"{name}{letter}" for letter in "AB"]
        if all(folder.is_dir() for folder in pair):
            return _input_first(pair, data, layout), fell_back or name not in SPLIT_FOLDERS[split]
    for names in PAIR_FOLDERS:
        pair = [root / name for name in names]
        if all(folder.is_dir() for folder in pair):
            return _input_first(pair, data, layout), fell_back
    if layout == PAIR and medium == PICTURES:
        _check_not_for_testing(root, split, medium)
        return [root], fell_back
    raise UsageError(
        f"{where}: {needs.named(batch)} needs two sets of {medium.noun}, found neither trainA and trainB nor A and B "
        f"in {root}; name two folders as folder:PATH_A,PATH_B or in data.domains"
    )


def _input_first(pair: list[Path], data: DataConfig, layout: tuple[int, ...]) -> list[Path]:
    """Puts B before A if `input_side` is right: A is the left image. Folders input and target keep their order."""
    swapped = layout == PAIR and data.input_side == "right" and pair[0].name.endswith("A")
    return pair[::-1] if swapped else pair


def _split_folder(path: Path, split: str, medium: Medium) -> tuple[Path, bool]:
    """Returns the split's folder and False; train/ and True if there is only that; or the path itself."""
    for name in SPLIT_FOLDERS[split]:
        if holds_any(path / name, medium):
            return path / name, False
    if holds_any(path / "train", medium):
        return path / "train", True
    has_pair = any((path / f"{name}A").is_dir() for name in SPLIT_FOLDERS[split])
    return path, split == "test" and not has_pair


def _check_not_for_testing(path: Path, split: str, medium: Medium):
    """Raises UsageError when training files are searched in a folder that has a test split and no train split."""
    for name in SPLIT_FOLDERS["test"]:
        if split == "train" and holds_any(path / name, medium):
            raise UsageError(
                f"{path}: has {name}/, which is for testing, and no train/; put the {medium.noun} to train on into "
                f"train/, or rename {name}/ if it is no split"
            )


def _halves(both: ImageSet, input_side: str, where: str) -> tuple[ImageSet, ImageSet]:
    """Splits side-by-side pairs into inputs and targets."""
    _check_side_by_side(both, where)

    def half(side):
        def read(index):
            pixels = both.read(index)
            width = pixels.shape[1] // 2
            return np.ascontiguousarray(pixels[:, :width] if side == "left" else pixels[:, -width:])

        def size(index):
            width, height = both.size(index)
            return width // 2, height

        return ImageSet(both.names, read, size, both.file_size)

    target_side = "right" if input_side == "left" else "left"
    return half(input_side), half(target_side)


def _check_side_by_side(both: ImageSet, where: str):
    narrow = []
    for index in range(len(both)):
        width, height = both.size(index)
        if width < MIN_SIDE_BY_SIDE * height:
            narrow.append(f"{both.names[index]} ({width}x{height})")
    if narrow:
        raise UsageError(
            f"{where}: {len(narrow)} of {len(both)} images are no side-by-side pairs, twice as wide as high, the first "
            f"is {narrow[0]}; for pairs in two files give folder:PATH_A,PATH_B or sub folders input and target"
        )


def _matching_files(folders: Sequence[Path], medium: Medium, skipped: Skipped, where: str) -> list[list[Path]]:
    """Returns the files of each folder, matched by their path below it without the extension."""
    stems = [_by_stem(folder, medium) for folder in folders]
    everywhere = set.intersection(*map(set, stems))
    lonely = [sorted(set(some) - everywhere, key=natural) for some in stems]
    if any(lonely):
        found = "; ".join(
            f"{len(names)} of {len(some)} in {folder} have no partner" + (f" ({', '.join(names[:3])})" if names else "")
            for folder, some, names in zip(folders, stems, lonely, strict=True)
        )
        raise UsageError(f"{where}: {found}; give both files of a pair the same name")
    bad = broken([file for some in stems for file in some.values()], medium)
    skipped += bad.items()
    good = [stem for stem in stems[0] if not {str(some[stem]) for some in stems} & set(bad)]
    if not good:
        name, why = next(iter(bad.items()))
        raise UsageError(f"{where}: none of {len(stems[0])} pairs can be read, e.g. {name}: {why}; check the files")
    return [[some[stem] for stem in good] for some in stems]


def _by_stem(folder: Path, medium: Medium) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in all_files(folder, medium):
        # The authors of CycleGAN call the files of a pair 1_A.jpg and 1_B.jpg.
        stem = file.relative_to(folder).with_suffix("").as_posix()
        stem = stem.removesuffix(f"_{folder.name[-1]}") if folder.name[-1] in "AB" else stem
        if stem in files:
            raise UsageError(f"{folder}: {files[stem].name} and {file.name} have the same name; remove one")
        files[stem] = file
    return files
