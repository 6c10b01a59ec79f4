"""The figure that `scripts/count_code.py` prints."""

from scripts import count_code

SOURCE = '''"""A docstring
of two lines."""

import os  # code, with a comment

# A comment.
LIMIT = 3
"""What is below a constant is a docstring, too."""


def long():
    """A docstring."""
    text = """a string
that is no docstring

of four lines"""
    return (
        text  # code
        # a comment between
    )
'''


def test_docstrings_comments_and_blanks_are_left_out_and_other_strings_are_not():
    #  import, LIMIT, def, four lines of text, return (, text, )
    assert count_code.code_lines(SOURCE) == 10


def test_a_room_has_the_code_of_all_its_files(tmp_path, capsys):
    (tmp_path / "room/within").mkdir(parents=True)
    (tmp_path / "room/a.py").write_text("a = 1\n")
    (tmp_path / "room/within/b.py").write_text("b = [\n]\n")
    (tmp_path / "c.py").write_text('"""Nothing but a docstring."""\n')
    count_code.main([str(tmp_path)])
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert lines == [["0", str(tmp_path / "c.py")], ["3", str(tmp_path / "room")], ["3", "in total"]]
