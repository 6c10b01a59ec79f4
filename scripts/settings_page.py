"""Writes `docs/settings.md`, a reference of all settings, from the configs: what a test holds it to.

python scripts/settings_page.py
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAD = """# All settings

By `scripts/settings_page.py` from the configs; a test holds it to them. A recipe has four sections, and the command
line changes a setting by `--set`, as in `ganzoo train pix2pix --set training.batch_size=4 --set model.channels=1`.
In Python, `ganzoo.create` takes those of `model` by keyword. A value that is not allowed is refused by name.
`null` is YAML's word for Python's `None`.
"""
SECTIONS = {
    "data": ("DataConfig", "Where the images come from and how they are prepared."),
    "training": ("TrainingConfig", "The run: how long, how large a batch, and how often what is written."),
    "evaluation": ("EvaluationConfig", "How good the generators are, and by what that is found out."),
    "model": ("GANConfig", "What every architecture has. Their own settings, and other defaults, are below."),
    "model, of images": ("ImageGANConfig", "What those have that are trained on images."),
    "model.schedule": ("Schedule", "How the learning rate changes over the steps of a run."),
}
SHARED = {
    "generator": "Which generator: the paper's, or the small one for devices.",
    "l1_weight": "Weight of the mean absolute difference between output and target.",
}
"""The meanings of settings of several architectures, where their files don't say."""
NUMBERS = {"int": "whole number", "float": "number", "str": "text", "bool": "`true` or `false`"}
BOUNDS = {"ge": "from {} up", "gt": "above {}", "le": "up to {}", "lt": "below {}", "multiple_of": "a multiple of {}"}
VAST = 1_000_000_000
"""Bounds from here on are for what no machine can count, and are not told."""


def main():
    (ROOT / "docs/settings.md").write_text(page(), "utf-8")


def page() -> str:
    """The page as it should be."""
    return "\n".join([HEAD, *(_section(*table) for table in tables())])


def tables() -> Iterator[tuple[str, str, list[tuple[str, str, str, str]]]]:
    """(title, purpose, rows) of each table; a row is name, type, default and meaning of a setting."""
    classes = _classes(ROOT / "ganzoo/config/recipe.py")
    for section, (name, purpose) in SECTIONS.items():
        yield section, purpose, list(_fields(classes[name]))
    common = [row for name in ("GANConfig", "ImageGANConfig") for row in _fields(classes[name])]
    shared = SHARED | {name: meaning for name, *_, meaning in common if meaning}
    for path in sorted((ROOT / "ganzoo/architectures").glob("[a-z]*.py")):
        (config,) = (node for name, node in _classes(path).items() if name.endswith("Config"))
        rows = [(*row, meaning or shared.get(row[0], "")) for *row, meaning in _fields(config)]
        yield f"model, of {path.stem}", "Its own, and where its paper has another default.", rows


def _section(title: str, purpose: str, rows: list) -> str:
    lines = [f"## {title}", "", purpose, "", "| setting | type | default | meaning |", "| --- | --- | --- | --- |"]
    lines += [f"| `{name}` | {kind} | {default} | {meaning} |" for name, kind, default, meaning in rows]
    return "\n".join([*lines, ""])


def _classes(path: Path) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef)}


def _fields(config: ast.ClassDef) -> Iterator[tuple[str, str, str, str]]:
    """(name, type, default, meaning) of each field: the meaning is the text below it."""
    for node, following in zip(config.body, [*config.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
            said = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            meaning = " ".join(following.value.value.split()) if said else ""
            yield node.target.id, _type(node.annotation), _default(node.value), meaning.replace("|", "\\|")


def _type(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return NUMBERS.get(name) or (_type(_aliases()[name]) if name in _aliases() else "see below")
        case ast.Constant(value=None):
            return "`null`"
        case ast.BinOp(left=left, right=right):
            return f"{_type(left)}, or {_type(right)}"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            values = values.elts if isinstance(values, ast.Tuple) else [values]
            return ", ".join(f"`{value.value}`" for value in values)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[element, *_])):
            return f"a list, each: {_type(element)}"
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[kind, ast.Call(keywords=bounds)])):
            met = [(bound.arg, bound.value.value) for bound in bounds if bound.value.value < VAST]
            return ", ".join([_type(kind), *(BOUNDS[name].format(value) for name, value in met)])
    raise ValueError(f"no words for the type {ast.unparse(node)}")


def _default(node: ast.expr | None) -> str:
    match node:
        case None:
            return "none: it must be given"
        case ast.Constant(value=None | True | False as value):
            return f"`{str(value).lower().replace('none', 'null')}`"
        case ast.Constant(value=value):
            return f"`{value}`"
        case ast.Tuple(elts=[]):
            return "`[]`"
        case ast.Call():
            return "those below"
    return f"`{ast.unparse(node)}`"


def _aliases() -> dict[str, ast.expr]:
    body = ast.parse((ROOT / "ganzoo/config/recipe.py").read_text("utf-8")).body
    return {node.targets[0].id: node.value for node in body if isinstance(node, ast.Assign)}


if __name__ == "__main__":
    main()
