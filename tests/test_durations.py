"""Rules of durations: a number said in several words is one, and what has no single number is not counted."""

from __future__ import annotations

import pytest

from chat.llm.durations import durations, numbers


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("120 minutes", 120),
        ("90 mins", 90),
        ("1,200 minutes", 1200),
        ("a hundred and twenty minutes", 120),
        ("twenty-five-minute", 25),
        ("1.5 hours", 90),
        ("0.5 hours", 30),
        ("1½ hours", 90),
        ("1 1/2 hours", 90),
        ("3h", 180),
        ("2h30", 150),
        ("1h 30m", 90),
        ("1 hour 30 minutes", 90),
        ("1 hour and 20 minutes", 80),
        ("an hour twenty", 80),
        ("half an hour", 30),
        ("half-hour", 30),
        ("quarter of an hour", 15),
        ("three quarters of an hour", 45),
        ("3/4 of an hour", 45),
        ("an hour and a half", 90),
        ("two and a half hours", 150),
        ("two hours and a half", 150),
        ("30+ hours", 1800),
        ("120分钟", 120),
        ("一百二十分钟", 120),
        ("一百零二分钟", 102),
        ("一百二分钟", 120),
        ("兩個鐘頭", 120),
        ("半小时", 30),
        ("半个钟", 30),
        ("一个半小时", 90),
        ("两个半小时", 150),
        ("一小时半", 90),
        ("1.5小时", 90),
        ("2小时30分钟", 150),
        ("一小时二十分", 80),
        ("两小时零五分", 125),
        ("一小时一刻钟", 75),
        ("一刻钟", 15),
        ("三刻钟", 45),
    ],
)
@pytest.mark.parametrize("around", ["{}", "{}, please", "嗯，{}。"])
def test_a_duration_is_counted_where_it_stands(said: str, minutes: int, around: str) -> None:
    text = around.format(said)
    (found,) = durations(text)
    assert (text[found.start : found.end], found.minutes) == (said, minutes)


@pytest.mark.parametrize(
    "said",
    [
        "a couple of hours",
        "several minutes",
        "wait a minute",
        "every hour",
        "20 to 30 minutes",
        "20-30 minutes",
        "twenty, thirty minutes",
        "an hour or two",
        "an hour and a bit",
        "a three hour one",
        "five 30-minute ones",
        "十几分钟",
        "几十分钟",
        "四十来分钟",
        "二三十分钟",
        "一两个小时",
        "二十到三十分钟",
        "20-30分钟",
        "半个多小时",
        "大半个小时",
        "九十秒",
    ],
)
def test_what_has_no_single_number_is_found_and_not_counted(said: str) -> None:
    (found,) = durations(said)
    assert found.minutes is None


@pytest.mark.parametrize("said", ["小时候的故事", "豆瓣9分以上", "8点20分", "min rating 4", "a short one", ""])
def test_other_words_are_no_durations(said: str) -> None:
    assert durations(said) == []


def test_separate_durations_stay_apart() -> None:
    found = durations("2 hours of tape, 20 minutes each; 一小时，二十分钟一集")
    assert [each.minutes for each in found] == [120, 20, 60, 20]


def test_numbers_of_anything_are_found() -> None:
    assert numbers("twelve of them, 4 at most, 五个") == {12, 4, 5}
