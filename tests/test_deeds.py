"""Rules of what readings lead to: different letters may do the same, and what a listener would notice is different."""

from __future__ import annotations

import pytest

from chat.llm.context import Context
from lab.understanding.corpus import Call, Record
from lab.understanding.deeds import Theatre, same
from tests.tools_stage import Stage, make_engine


@pytest.fixture
def theatre(tmp_path) -> Theatre:
    stage = Stage.open(tmp_path, make_engine())
    return Theatre(stage.stores, stage.engine)


def record(*shown: str, said: str = "", lang: str = "en") -> Record:
    return Record("r", lang, Context(shown=shown), said, ())


def do_the_same(theatre: Theatre, one: tuple[Call, ...], other: tuple[Call, ...], *shown: str) -> bool:
    staged = record(*shown)
    return all(map(same, theatre.play(staged, one), theatre.play(staged, other)))


HISTORY: Call = ("update_interest_weight", {"category": "history", "weight_increase": 0.3})
BOOKS: Call = ("update_interest_weight", {"category": "some history books", "weight_increase": 0.3})
MORE: Call = ("update_interest_weight", {"category": "history", "weight_increase": 0.6})
TAG: Call = ("update_entity_weight", {"kind": "tag", "name": "nautical yarns", "weight_increase": 0.3})
ALLOW_GOLF: Call = ("unblock_content", {"kind": "tag", "name": "golf"})
ALLOW_WAR: Call = ("unblock_content", {"kind": "tag", "name": "war"})
GENRE: Call = ("update_interest_weight", {"category": "nautical yarns", "weight_increase": 0.3})
ANY: Call = ("set_payment", {"access": "any"})


def test_other_letters_of_the_same_name_do_the_same(theatre: Theatre) -> None:
    assert do_the_same(theatre, (HISTORY,), (BOOKS,)) and do_the_same(theatre, (TAG,), (GENRE,))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((HISTORY,), (MORE,)),
        ((HISTORY,), ()),
        ((), (ANY,)),
        ((("recommend", {"count": 4}),), (("recommend", {}),)),
        ((("search_catalog", {"query": "Dracula"}),), (("search_catalog", {"query": "Emma"}),)),
        ((("ask_clarification", {"about": "mood"}),), (("ask_clarification", {"about": "other"}),)),
        ((ALLOW_GOLF,), (ALLOW_WAR,)),
    ],
)  # fmt: skip
def test_what_a_listener_would_notice_is_not_the_same(
    theatre: Theatre, one: tuple[Call, ...], other: tuple[Call, ...]
) -> None:
    assert not do_the_same(theatre, one, other) and do_the_same(theatre, one, one)


def test_a_place_and_the_title_there_are_the_same_item(theatre: Theatre) -> None:
    titles = [item.title for item in make_engine().catalogue.items if item.title.isascii()][:3]
    place, title = (("record_feedback", {"item": item, "signal": "like"}) for item in ("2", titles[1]))
    assert do_the_same(theatre, (place,), (title,), *titles)
    assert not do_the_same(theatre, (place,), (("record_feedback", {"item": "3", "signal": "like"}),), *titles)


def test_titles_of_another_catalogue_cannot_be_staged(theatre: Theatre) -> None:
    assert theatre.sets(record()) and not theatre.sets(record("No Such Title Anywhere"))
