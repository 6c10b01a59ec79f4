"""Counts the lines of code in Python files: not blank ones, nor those of comments and docstrings alone.

    python scripts/count_code.py                    each room of ganzoo/, and all together
    python scripts/count_code.py ganzoo/lite tests  each room of these folders

A room is a folder or file directly within the folder. A string that is a statement of its own is a docstring, also
below a constant or a field; every line of any other string counts.
"""

import ast
import io
import sys
import tokenize
from collections import Counter
from pathlib import Path

LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """Returns how many lines of a Python file hold code."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    tokens = (token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in LAYOUT)
    return len({line for token in tokens for line in range(token.start[0], token.end[0] + 1)} - docstrings)


def rooms(folder: Path) -> Counter[str]:
    """Returns the lines of code in each folder and file directly within a folder, by name."""
    counts = Counter()
    for path in folder.rglob("*.py"):
        counts[path.relative_to(folder).parts[0]] += code_lines(path.read_text("utf-8"))
    return counts


def main(folders: list[str]) -> None:
    total = 0
    for folder in map(Path, folders or ["ganzoo"]):
        if not folder.is_dir():
            sys.exit(f"{folder}: no such folder; give folders of Python files")
        for name, count in sorted(rooms(folder).items()):
            print(f"{count:8,}  {folder / name}")
            total += count
    print(f"{total:8,}  in total")


if __name__ == "__main__":
    main(sys.argv[1:])
