"""The README tells the truth about the tree."""

from __future__ import annotations

from pathlib import Path

from lab.tree import END, START, tree

README = Path(__file__).parent.parent / "README.md"


def test_the_file_tree_of_the_readme_is_the_tree_there_is() -> None:
    shown = README.read_text(encoding="utf-8").split(START)[1].split(END)[0]
    assert shown.strip().strip("`").strip() == tree().strip(), "run: python -m lab.tree --write"


def test_every_picture_of_the_readme_exists() -> None:
    for line in README.read_text(encoding="utf-8").splitlines():
        if line.startswith("!["):
            assert (README.parent / line.split("](")[1].rstrip(")")).is_file(), line
