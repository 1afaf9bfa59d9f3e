"""Rules of new weights: none that is worse comes into service, and a change can be taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.understanding.accept import main, previous, put_into_service, refusals, roll_back


def report(exact: float, **tools: tuple[int, float]) -> dict[str, Any]:
    return {"all": {"exact_match": exact, "tools": {name: {"n": n, "f1": f1} for name, (n, f1) in tools.items()}}}


@pytest.mark.parametrize(
    ("new", "invalid", "told"),
    [
        (report(0.6, recommend=(50, 0.8)), 0, []),
        (report(0.59, recommend=(50, 0.8)), 0, ["exact match"]),
        (report(0.7, recommend=(50, 0.77)), 0, ["F1 of recommend"]),
        (report(0.7, recommend=(50, 0.785)), 0, []),
        (report(0.7), 0, ["F1 of recommend"]),
        (report(0.7, recommend=(50, 0.9)), 1, ["1 calls are not valid"]),
    ],
)
def test_a_model_that_is_worse_in_any_way_is_refused(new: dict[str, Any], invalid: int, told: list[str]) -> None:
    reasons = refusals(report(0.6, recommend=(50, 0.8)), new, invalid)
    assert len(reasons) == len(told) and all(a.startswith(b) for a, b in zip(reasons, told, strict=True))


def test_a_tool_with_few_calls_decides_nothing() -> None:
    assert refusals(report(0.6, recommend=(19, 0.8)), report(0.6, recommend=(19, 0.1)), 0) == []


def weights(folder: Path, word: str) -> Path:
    folder.mkdir()
    (folder / "model.json").write_text(word, encoding="utf-8")
    return folder


def test_a_change_of_weights_can_be_taken_back_and_made_again(tmp_path: Path) -> None:
    old, new = weights(tmp_path / "weights", "old"), weights(tmp_path / "run", "new")
    put_into_service(new, old)
    assert (old / "model.json").read_text() == "new" and (previous(old) / "model.json").read_text() == "old"
    roll_back(old)
    assert (old / "model.json").read_text() == "old"
    roll_back(old)
    assert (old / "model.json").read_text() == "new" and (new / "model.json").exists()


def test_without_earlier_weights_nothing_is_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = weights(tmp_path / "weights", "old")
    assert main(["--rollback", "--weights", str(old)]) == 1
    assert "no earlier weights" in capsys.readouterr().err and (old / "model.json").read_text() == "old"
