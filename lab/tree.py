"""The README's file tree, from the first sentence of each module.  Run: python -m lab.tree [--write]"""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = ("app.py", "settings.py", "chat", "tools", "db", "recommend", "catalog", "prompts", "lab")
START, END = "<!-- file tree -->", "<!-- end of file tree -->"
WIDTH = 120


def purpose(path: Path) -> str:
    """The first sentence of a module's docstring, cut to fit a line."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    line = " ".join(doc.split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.;])\s|\s\sRun:| Run:", line)[0].rstrip(".:;")
    return sentence if len(sentence) <= WIDTH else sentence[: WIDTH - 1].rsplit(" ", 1)[0] + " …"


def tree() -> str:
    """Every module with its purpose, in the order of the layers."""
    lines = []
    for place in PLACES:
        if place.endswith(".py"):
            lines.append(f"{place:24} {purpose(ROOT / place)}")
            continue
        lines.append(f"{place + '/':24} {purpose(ROOT / place / '__init__.py')}")
        for path in sorted((ROOT / place).rglob("*.py")):
            parts = path.relative_to(ROOT / place).parts
            if path.name == "__init__.py":
                if len(parts) > 1:
                    lines.append(f"  {'/'.join(parts[:-1]) + '/':22} {purpose(path)}")
                continue
            if "migrations" not in parts:
                lines.append(f"  {'/'.join(parts):22} {purpose(path)}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put it into README.md")
    text = tree()
    if not parser.parse_args().write:
        print(text)
        return
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{START}\n```\n{text}\n```\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
