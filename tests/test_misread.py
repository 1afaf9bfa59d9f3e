"""Rules of sorting misreadings: each has one class, and what is right has none."""

from __future__ import annotations

from typing import Any

import pytest

from chat.llm.context import Context
from chat.llm.understanding import NOTHING, Reading
from chat.llm.understanding import Call as Read
from lab.understanding.corpus import Call, Record
from lab.understanding.evaluate import Result
from lab.understanding.misread import SEVERAL, kind_of, lines_of
from lab.understanding.scoring import differences

SHORT: Call = ("set_length", {"length": "short"})
LONG: Call = ("set_length", {"length": "long"})
FUNNY: Call = ("update_mood_preference", {"mood": "funny", "weight": 0.8})
NO_SPIDERS: Call = ("block_content", {"kind": "tag", "name": "spiders"})


@pytest.mark.parametrize(
    ("wanted", "got", "kind"),
    [
        ([SHORT, FUNNY], [FUNNY], "without set_length"),
        ([FUNNY], [FUNNY, SHORT], "beside it set_length"),
        ([FUNNY, SHORT], [LONG, FUNNY], "set_length: length"),
        ([FUNNY], [NO_SPIDERS], "update_mood_preference as block_content"),
        ([FUNNY, SHORT], [NO_SPIDERS, LONG], SEVERAL),
        ([SHORT], [], "without set_length"),
    ],
)
def test_a_misreading_is_sorted_by_what_is_left_when_the_right_calls_are_taken_away(
    wanted: list[Call], got: list[Call], kind: str
) -> None:
    assert kind_of(*differences(wanted, got)) == kind


def result(said: str, wanted: Call, **got: dict[str, Any]) -> Result:
    read = tuple(Read(name=name, args=args) for name, args in got.items())
    return Result(Record("en-x-1", "en", Context(), said, ((wanted,),)), Reading(read, NOTHING, True), 0.0)


def test_only_what_is_misread_is_told_with_label_and_reading() -> None:
    right = result("short", SHORT, set_length={"length": "short"})
    wrong = result("nothing too long", SHORT, set_length={"length": "long"})
    lines = list(lines_of([right, wrong], show=1))
    assert lines[0] == "en: 1 of 2 are read otherwise" and lines[1].split(maxsplit=1) == ["1", "set_length: length"]
    assert "'nothing too long': set_length(length='short'); read set_length(length='long')" in lines[2]
    assert len(list(lines_of([right, wrong], show=0))) == 2
