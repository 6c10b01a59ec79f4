"""Imports go one way, and what loads TensorFlow is imported late."""

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ganzoo

ROOT = Path(ganzoo.__file__).parent
LEVELS = [
    {"lite"},
    {"errors"},
    {"files"},
    {"config"},
    {"core"},
    {"backends"},
    {"data"},
    {"gan", "metrics"},
    {"architectures"},
    {"recipes"},
    {"generators"},
    {"evaluation"},
    {"training", "exporting"},
    {"tables"},
    {"options"},
    {"cli"},
    {"__main__"},
]
"""A room imports those above it, and of those beside it none but parts of itself."""
LATE = {"recipes.registry": {"architectures"}, "evaluation.protocols": {"evaluation.protocols"}}
"""Modules that import by a name found out while running, and the files of the package that it may be."""
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def level(part: str) -> int:
    return next(index for index, parts in enumerate(LEVELS) if part in parts)


def imported(path: Path, for_annotations: bool = True) -> set[str]:
    """The modules of ganzoo that a file imports, as dotted names within it; also inside functions and by name.

    Args:
        for_annotations: those that are imported for annotations alone count as well.
    """
    found, tree = set(), ast.parse(path.read_text("utf-8"))
    typing = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    left_out = set() if for_annotations else {inner for node in typing for inner in ast.walk(node)}
    for node in (node for node in ast.walk(tree) if node not in left_out):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # The runner is packaged under another name too, so that its own imports, and no others, are relative.
            own = path.is_relative_to(ROOT / "lite")
            assert not node.level or own, f"{path}: imports are absolute"
            assert not own or not (node.module or "").startswith("ganzoo"), f"{path}: its own imports are relative"
            module = f"ganzoo.lite.{node.module or ''}".rstrip(".") if node.level else node.module
            found |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= by_name(path, tree, node.args[0])
    return {name.removeprefix("ganzoo.") for name in found if name.startswith("ganzoo.")}


def dotted(path: Path) -> str:
    """`ganzoo.data.sources` of its file."""
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def by_name(path: Path, tree: ast.Module, name: ast.expr) -> set[str]:
    """Returns what a call of `import_module` imports: for an f-string, all modules whose names it may be."""
    own = dotted(path).removeprefix("ganzoo.")
    if isinstance(name, ast.Constant):
        return {name.value}
    if not isinstance(name, ast.JoinedStr):
        assert own in LATE, f"{path}: imports {ast.unparse(name)}; say in LATE what that may be"
        return {f"ganzoo.{part}" for part in LATE[own]}
    pattern = "".join(
        re.escape(part.value) if isinstance(part, ast.Constant) else may_be(path, tree, part.value)
        for part in name.values
    )
    found = {dotted(file) for file in FILES if re.fullmatch(pattern, dotted(file))}
    assert found, f"{path}: imports {ast.unparse(name)}, which no module is"
    return found


def may_be(path: Path, tree: ast.Module, part: ast.expr) -> str:
    """A pattern of what stands in an f-string: the module's own name, a value of a dict that it writes out, a word."""
    if ast.unparse(part) == "__name__":
        return re.escape(dotted(path))
    if isinstance(part, ast.Subscript):
        written = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
        return "|".join(ast.literal_eval(written[ast.unparse(part.value)]).values()).join("()")
    return r"\w+"


def part_of(module: str) -> str:
    """`data` of `data.sources`."""
    return module.partition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_one_above_or_beside_it(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imported(path):
        other = part_of(name)
        assert other == own or level(other) < level(own), f"{own} imports {name}"


def reached(path: Path) -> set[str]:
    """The files that a file imports, as dotted names within ganzoo; of a package that is named in LATE, all of its."""
    files = {dotted(file).removeprefix("ganzoo.") for file in FILES}
    found = {
        name if name in files else name.rpartition(".")[0] for name in imported(path, for_annotations=False)
    } & files
    for part in LATE.get(dotted(path).removeprefix("ganzoo."), ()):
        found |= {file for file in files if file.startswith(f"{part}.")}
    return found - {dotted(path).removeprefix("ganzoo.")}


def test_no_way_of_imports_leads_back_to_where_it_began():
    """From file to file: also within a part, which the levels let be, and by names that are put together."""
    left = {dotted(path).removeprefix("ganzoo."): reached(path) for path in FILES}
    while left:
        free = {file for file, others in left.items() if not others & left.keys()}
        assert free, f"a circle among {sorted(left)}"
        left = {file: others for file, others in left.items() if file not in free}


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
        "from ganzoo.recipes.recipes import load_recipe; load_recipe('pix2pix')",
        "import ganzoo.data",
        "import ganzoo.cli, ganzoo.generators.catalog, ganzoo.generators.generation",
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
    assert listed == found | {"ganzoo.weights", "ganzoo.zoo_configs"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_concept_and_so_few_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400
