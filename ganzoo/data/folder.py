"""Images in folders: `folder:PATH` and `folder:PATH_A,PATH_B`.

latent, super_resolution   PATH, searched recursively, linked folders too
unpaired                   PATH/trainA and PATH/trainB (testA, testB), PATH/A and PATH/B, or PATH_A and PATH_B
paired                     the same, the files of a pair having the same name, but for the extension and an _A or _B
                           at the end; of A and B, `data.input_side: right` makes B the input;
                           PATH/input and PATH/target; or PATH with side-by-side images, twice as wide as high

Where PATH holds train/ and test/ or val/, the split picks one. `data.domains` names other sub folders to use.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganzoo.config import DataConfig, nearest
from ganzoo.data.images import EXTENSIONS, image_size, read_image
from ganzoo.data.sources import SETS_OF_TASK, ImageSet, Source, arrow, check_domain_count, near_miss
from ganzoo.errors import UsageError, quoted
from ganzoo.lite.errors import reason
from ganzoo.lite.folders import image_files
from ganzoo.lite.formats import open_image

SPLIT_FOLDERS = {"train": ("train",), "test": ("test", "val", "valid", "validation")}
PAIR_FOLDERS = (("A", "B"), ("input", "target"))
UNREAD = tuple(
    sorted({".heic", ".heif", ".avif", ".jxl", ".psd", ".svg", ".dng", ".cr2", ".nef", ".arw", ".raw"} - {*EXTENSIONS})
)
"""Pictures that are no images here, and are said to be left out."""
MAX_VERIFIED = 10_000
"""In larger sets only the headers are checked when opened; what else is broken is found when it is decoded."""
MIN_SIDE_BY_SIDE = 1.9
"""Width by height; rounding may leave a pair a little narrower than 2."""

Skipped = list[tuple[str, str]]


def open_source(data: DataConfig, task: str, split: str) -> Source:
    """The images of `folder:…`. Raises UsageError for a missing or empty folder, or pairs that don't match."""
    return open_folders(_paths(data.source.partition(":")[2]), data, task, split, data.source)


def open_folders(paths: Sequence[Path], data: DataConfig, task: str, split: str, where: str) -> Source:
    """The images in one folder, or in the two folders of a task with two image sets. `where` names them in errors."""
    folders, in_training = _folders(paths, data, task, split, where)
    skipped: Skipped = []
    if task == "paired" and len(folders) == 1:
        files = _good_files(folders[0], skipped)
        sets, domains = _halves(folders[0], files, data.input_side, where), ("side by side",)
    elif task == "paired":
        sets, domains = _pairs(folders, skipped, where), [folder.name for folder in folders]
    else:
        sets = tuple(_image_set(folder, _good_files(folder, skipped)) for folder in folders)
        domains = [folder.name for folder in folders] if len(folders) > 1 else ()
    shown = f" ({arrow(domains, task)})" if domains else ""
    return Source(sets, f"{where}{shown}", split, tuple(skipped), in_training=in_training)


def _paths(text: str) -> list[Path]:
    """One path, or two at a comma that is no part of an existing path."""
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
    neighbours = [entry.name for entry in missing.parent.iterdir() if entry.is_dir()]
    raise UsageError(
        f"data.source: no folder {path}: there is no {quoted(missing.name)} in {missing.parent}"
        f"{near_miss(missing.name, neighbours)}"
    )


def _folders(paths: Sequence[Path], data: DataConfig, task: str, split: str, where: str) -> tuple[list[Path], bool]:
    """The folders to read, one per image set (side-by-side pairs: one), and whether they are those for training."""
    if len(paths) == 2:
        check_domain_count([str(path) for path in paths], task, where)
        if data.domains:
            raise UsageError(f"data.domains: {where} is two folders already; remove domains or give one folder")
        chosen = [_split_folder(path, split) for path in paths]
        return [folder for folder, _ in chosen], any(fell_back for _, fell_back in chosen)

    root, fell_back = _split_folder(paths[0], split)
    if data.domains:
        check_domain_count(data.domains, task, f"data.domains of {where}")
        for domain in data.domains:
            if not (root / domain).is_dir():
                present = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
                raise UsageError(f"data.domains: no folder {root / domain}{nearest(domain, present)}")
        return [root / domain for domain in data.domains], fell_back
    if SETS_OF_TASK[task] == 1:
        _check_not_for_testing(root, split)
        return [root], fell_back

    for name in (*SPLIT_FOLDERS[split], *SPLIT_FOLDERS["train"]):
        pair = [root / f"{name}{letter}" for letter in "AB"]
        if all(folder.is_dir() for folder in pair):
            return _input_first(pair, data, task), fell_back or name not in SPLIT_FOLDERS[split]
    for names in PAIR_FOLDERS:
        pair = [root / name for name in names]
        if all(folder.is_dir() for folder in pair):
            return _input_first(pair, data, task), fell_back
    if task == "paired":
        _check_not_for_testing(root, split)
        return [root], fell_back
    raise UsageError(
        f"{where}: task unpaired needs two image sets, found neither trainA and trainB nor A and B in {root}; "
        f"name two folders as folder:PATH_A,PATH_B or in data.domains"
    )


def _input_first(pair: list[Path], data: DataConfig, task: str) -> list[Path]:
    """Of pairs in folders A and B, A is what would stand on the left. Folders called input and target say it all."""
    swapped = task == "paired" and data.input_side == "right" and pair[0].name.endswith("A")
    return pair[::-1] if swapped else pair


def _split_folder(path: Path, split: str) -> tuple[Path, bool]:
    """The sub folder of the split, or of train with True where there is only that, or the path itself."""
    for name in SPLIT_FOLDERS[split]:
        if _has_images(path / name):
            return path / name, False
    if _has_images(path / "train"):
        return path / "train", True
    has_pair = any((path / f"{name}A").is_dir() for name in SPLIT_FOLDERS[split])
    return path, split == "test" and not has_pair


def _check_not_for_testing(path: Path, split: str):
    """Raises UsageError for a folder that would be searched for training images, and holds those of a test split."""
    for name in SPLIT_FOLDERS["test"]:
        if split == "train" and _has_images(path / name):
            raise UsageError(
                f"{path}: has {name}/, which is for testing, and no train/; put the images to train on into train/, or "
                f"rename {name}/ if it is no split"
            )


def _has_images(folder: Path) -> bool:
    return folder.is_dir() and next(image_files(folder), None) is not None


def _image_files(folder: Path) -> list[Path]:
    """All images below the folder, sorted as people sort them: 2 before 10."""
    files = sorted(image_files(folder), key=lambda file: _natural(file.relative_to(folder).as_posix()))
    if not files:
        others = [file.suffix.lower() for file in image_files(folder, UNREAD)]
        found = (
            f"found {len(others)} {' '.join(sorted(set(others)))}, to be converted to JPEG or PNG; " if others else ""
        )
        raise UsageError(f"{folder}: no images; {found}looked for {' '.join(EXTENSIONS)}, sub folders included")
    return files


def _natural(name: str) -> list:
    parts = re.split(r"(\d+)", name.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)] + [name]


def _good_files(folder: Path, skipped: Skipped) -> list[Path]:
    """The images that can be opened; the others go to `skipped`."""
    files = _image_files(folder)
    bad = _broken(files)
    skipped += bad.items()
    skipped += (
        (str(file), f"{file.suffix.lower()} is not read; convert it to JPEG or PNG")
        for file in image_files(folder, UNREAD)
    )
    good = [file for file in files if str(file) not in bad]
    if not good:
        name, why = next(iter(bad.items()))
        raise UsageError(f"{folder}: none of {len(files)} images can be read, e.g. {name}: {why}; check the files")
    return good


def _broken(files: Sequence[Path]) -> dict[str, str]:
    """Why, by name, for the files whose header or check sums are wrong. A truncated JPEG is found only in decoding."""
    reasons = {}
    for file in files:
        try:
            with open_image(file) as image:
                if len(files) <= MAX_VERIFIED:
                    image.verify()
        except MemoryError:
            raise
        except Exception as error:  # decoders raise all sorts
            reasons[str(file)] = reason(error)
    return reasons


def _image_set(folder: Path, files: Sequence[Path]) -> ImageSet:
    return ImageSet(
        [file.relative_to(folder).as_posix() for file in files],
        lambda index: read_image(files[index]),
        lambda index: image_size(files[index]),
        lambda index: files[index].stat().st_size,
    )


def _halves(folder: Path, files: Sequence[Path], input_side: str, where: str) -> tuple[ImageSet, ImageSet]:
    """Input and target of side-by-side pairs."""
    both = _image_set(folder, files)
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


def _pairs(folders: Sequence[Path], skipped: Skipped, where: str) -> tuple[ImageSet, ImageSet]:
    """Images of the same path below their folder, extension aside."""
    inputs, targets = (_by_stem(folder) for folder in folders)
    lonely = [sorted(set(some) - set(others), key=_natural) for some, others in ((inputs, targets), (targets, inputs))]
    if any(lonely):
        found = "; ".join(
            f"{len(stems)} of {len(files)} in {folder} have no partner"
            + (f" ({', '.join(stems[:3])})" if stems else "")
            for folder, files, stems in zip(folders, (inputs, targets), lonely, strict=True)
        )
        raise UsageError(f"{where}: {found}; give both files of a pair the same name")
    bad = _broken([*inputs.values(), *targets.values()])
    skipped += bad.items()
    good = [stem for stem in inputs if not {str(inputs[stem]), str(targets[stem])} & set(bad)]
    if not good:
        name, why = next(iter(bad.items()))
        raise UsageError(f"{where}: none of {len(inputs)} pairs can be read, e.g. {name}: {why}; check the files")
    return tuple(
        _image_set(folder, [files[stem] for stem in good])
        for folder, files in zip(folders, (inputs, targets), strict=True)
    )


def _by_stem(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in _image_files(folder):
        # The authors of CycleGAN call the files of a pair 1_A.jpg and 1_B.jpg.
        stem = file.relative_to(folder).with_suffix("").as_posix()
        stem = stem.removesuffix(f"_{folder.name[-1]}") if folder.name[-1] in "AB" else stem
        if stem in files:
            raise UsageError(f"{folder}: {files[stem].name} and {file.name} have the same name; remove one")
        files[stem] = file
    return files
