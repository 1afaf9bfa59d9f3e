"""Rules of comparing readings: spelling does not count, and what is left of a name does."""

from __future__ import annotations

import pytest

from lab.understanding.scoring import exact, on_list, same_call


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


LIST = ("三体", "三体II：黑暗森林", "活着", "Dune", "1984", "Moneyball", "This Is Us", "The Last Wish")


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("活着", "3"),
        ("黑暗森林", "2"),
        ("三体", "1"),
        ("dune", "4"),
        ("the Dune", "4"),
        ("Last", "8"),
        ("2", "2"),
        ("1984", "5"),
    ],
)
def test_an_item_of_the_list_has_one_place_whatever_it_is_called(said: str, place: str) -> None:
    skipped, wanted = (("record_feedback", {"item": item, "signal": "skip"}) for item in (said, place))
    assert exact(on_list([skipped], LIST), on_list([wanted], LIST))
    assert on_list([("compare_items", {"items": ["4", said]})], LIST) == [("compare_items", {"items": ["4", place]})]
    blocked = [("block_content", {"kind": "item", "name": said})]
    assert on_list(blocked, LIST) == [("block_content", {"kind": "item", "name": place})]


@pytest.mark.parametrize("said", ["体", "Emma", "this", "7", "on", "money"])
def test_what_may_be_two_titles_or_none_of_the_list_keeps_its_name(said: str) -> None:
    assert on_list([("item_details", {"item": said})], LIST) == [("item_details", {"item": said})]


def test_names_that_are_no_items_are_left_alone() -> None:
    calls = [("block_content", {"kind": "tag", "name": "Dune"}), query("活着")]
    assert on_list(calls, LIST) == calls
    assert on_list([("item_details", {"item": "last"})], ()) == [("item_details", {"item": "last"})]
