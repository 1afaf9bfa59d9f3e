"""The layers and vendor fences of the architecture: a module imports only from the lines below its own."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ["lab", "app", "settings", "chat", "tools", "db", "recommend", "catalog", "prompts"]
FENCES = {
    "gradio": ("app.py", "chat/screens/"),
    "llama_cpp": ("chat/llm/",),
    "langchain": ("chat/", "tools/"),
    "langgraph": ("chat/", "tools/"),
    "sqlalchemy": ("db/",),
    "alembic": ("db/",),
    "chromadb": ("catalog/chroma.py", "catalog/index.py", "catalog/records.py"),
    "faiss": ("catalog/inverted.py",),
    "sentence_transformers": ("catalog/embed.py", "lab/"),
}
MAX_LINES = 400


def modules() -> list[Path]:
    return [p for layer in LAYERS for p in [*ROOT.glob(f"{layer}.py"), *ROOT.glob(f"{layer}/**/*.py")]]


def imported(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_from_layers_below_and_keeps_to_its_vendors(path: Path) -> None:
    place = str(path.relative_to(ROOT))
    own = LAYERS.index(path.relative_to(ROOT).parts[0].removesuffix(".py"))
    for name in imported(path):
        top = name.split(".")[0]
        if top in LAYERS:
            allowed = LAYERS.index(top) >= own and not (top == "settings" and own > LAYERS.index("settings"))
            assert allowed, f"{place} imports {name}, a layer above it"
        for vendor, places in FENCES.items():
            if (top == vendor or top.startswith(vendor + "_")) and not place.startswith("lab/"):
                assert place.startswith(places), f"{place} imports {name}, fenced to {places}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_stays_small_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", [p for p in modules() if p.name == "__init__.py"], ids=lambda p: p.parent.name)
def test_a_package_init_holds_a_docstring_and_nothing_else(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert len(body) == 1 and isinstance(body[0], ast.Expr)


def test_nothing_tells_of_the_machine_it_was_made_on() -> None:
    pattern = re.compile(r"(^|[^A-Za-z.])/(work|farm)/")
    for path in [*modules(), ROOT / "README.md", ROOT / "Makefile"]:
        if path.exists():
            assert not pattern.search(path.read_text(encoding="utf-8")), path
