"""Starting the application with settings that cannot work: one sentence that names the value, and exit code 2."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from app import main
from catalog.load import use
from catalog.opening import CatalogueError, imported_items

HEAD = "id,title,author,language,category,minutes,added"
DUNE = "a,Dune,Frank Herbert,en,arts/music/classical,1260,2024-01-01"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--port", "99999"], "99999"),
        (["--language", "fr"], "'fr'"),
        (["--model", "/nowhere/model.gguf"], "/nowhere/model.gguf"),
        (["--model", "gpt-5"], "gpt-5"),
        (["--catalogue", "/nowhere/items.jsonl"], "/nowhere/items.jsonl"),
        (["--database-url", "nosuch://db"], "nosuch"),
    ],
)
def test_a_setting_that_cannot_work_is_named_and_nothing_starts(
    flags: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data-dir", str(tmp_path), "--port", str(free_port()), *flags]) == 2
    told = capsys.readouterr().err
    assert named in told.splitlines()[-1] and "Traceback" not in told


def test_a_taken_port_is_told_before_the_long_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["--data-dir", str(tmp_path), "--port", str(taken.getsockname()[1])]) == 2
    assert "--port" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_catalogue_named_at_the_start_becomes_the_whole_catalogue(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    rows = [HEAD, DUNE, ",,,,,,", "b,三体,刘慈欣,zh,arts/music/classical,900,2024-02-01"]
    table.write_text("\n".join(rows), encoding="utf-8")
    assert len(use(table, tmp_path)) == 1
    table.write_text("\n".join(rows[:2]), encoding="utf-8")
    use(table, tmp_path)
    assert [item.title for item in imported_items(tmp_path)] == ["Dune"]


def test_a_catalogue_without_a_usable_row_leaves_the_old_one(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(f"{HEAD}\n{DUNE}", encoding="utf-8")
    use(table, tmp_path)
    table.write_text("id,title\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="no usable row"):
        use(table, tmp_path)
    assert len(imported_items(tmp_path)) == 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
