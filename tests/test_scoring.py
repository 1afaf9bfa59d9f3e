"""Rules of comparing readings: spelling does not count, and what is left of a name does."""

from __future__ import annotations

import pytest

from lab.understanding.scoring import exact, same_call


def query(name: str) -> tuple[str, dict[str, str]]:
    return ("search_catalog", {"query": name})


@pytest.mark.parametrize(("one", "other"), [("The Martian!", "martian"), ("sci-fi", "SciFi"), ("❤️", "❤️ ")])
def test_names_are_the_same_whatever_their_case_marks_and_article(one: str, other: str) -> None:
    assert same_call(query(one), query(other))


@pytest.mark.parametrize(
    ("one", "other"), [("❤️", "😂"), ("???", "!!!"), ("C++", "C#"), ("C++", "C"), ("学C++的", "学C#的")]
)
def test_names_that_differ_in_their_marks_only_are_not_the_same(one: str, other: str) -> None:
    assert not same_call(query(one), query(other)) and not exact([query(one)], [query(other)])
    assert same_call(query(one), query(one)) and same_call(query(one.lower()), query(one))
