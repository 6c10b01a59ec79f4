"""Imports go one way, and what loads TensorFlow is imported late."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import ganzoo

ROOT = Path(ganzoo.__file__).parent
LEVELS = [
    {"lite"},
    {"errors", "files", "memory", "npz"},
    {"documents"},
    {"config", "seeding", "backend", "strategy_names", "pictures", "downloads"},
    {
        "registry",
        "schedules",
        "losses",
        "layers",
        "augmentation",
        "sharing",
        "first_batch",
        "zoo",
        "weight_files",
        "quiet",
        "versions",
        "batches",
        "programs",
    },
    {"initial_weights", "engines", "rematerialisation", "precision", "phases"},
    {"tuning", "draws", "optimizers", "ema", "terms"},
    {"perceptual", "recipes", "data"},
    {"pretrained"},
    {"distillation"},
    {"gan", "metrics"},
    {"architectures"},
    {"creation", "inference"},
    {"evaluation", "fixed_output"},
    {"training", "exporting", "catalogue", "generation", "model_card"},
    {"cli"},
    {"__main__"},
]
"""A module imports those above it, and of those beside it none but parts of itself."""
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def level(part: str) -> int:
    return next(index for index, parts in enumerate(LEVELS) if part in parts)


def imported(path: Path) -> set[str]:
    """The modules of ganzoo that a file imports, as dotted names within it; also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("ganzoo.") for name in found if name.startswith("ganzoo.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_one_above_or_beside_it(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imported(path):
        other = name.partition(".")[0]
        assert other == own or level(other) < level(own), f"{own} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "architectures").glob("*.py")), ids=lambda path: path.stem)
def test_no_architecture_imports_another(path):
    assert not [name for name in imported(path) if name.startswith("architectures")]


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "program",
    [
        "import ganzoo",
        "import ganzoo; ganzoo.list_architectures(), ganzoo.list_recipes(), ganzoo.list_pretrained()",
        "import ganzoo; ganzoo.__version__, dir(ganzoo)",
        "from ganzoo.recipes import load_recipe; load_recipe('pix2pix')",
        "import ganzoo.data",
        "import ganzoo.cli, ganzoo.catalogue, ganzoo.generation",
    ],
)
def test_tensorflow_is_not_loaded_before_it_is_needed(program):
    slow = run(
        f"{program}\nimport sys; print({{'jax', 'keras', 'tensorflow', 'tensorflow_datasets'}} & set(sys.modules))"
    )
    assert slow == "set()\n"


def test_the_public_names_are_there_and_listed():
    for name in ganzoo.__all__:
        assert callable(getattr(ganzoo, name))
    assert set(ganzoo.__all__) <= set(dir(ganzoo))
    with pytest.raises(AttributeError, match="'ganzoo' has no attribute 'lode'"):
        ganzoo.lode  # noqa: B018


def test_every_package_is_listed_for_the_wheel():
    setup = configparser.ConfigParser()
    setup.read(ROOT.parent / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    found = {".".join(path.parent.relative_to(ROOT.parent).parts) for path in ROOT.rglob("__init__.py")}
    assert listed == found | {"ganzoo.lite", "ganzoo.weights", "ganzoo.zoo_configs"}
