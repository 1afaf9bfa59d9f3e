"""The journal: turns with all they did, lists with all they were made of, and the names behind the ids."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from catalog.items import Item
from db.engine import Database, open_database
from db.items import ItemStore
from db.journal import Journal, TurnRecord
from db.users import UserStore
from recommend.pbox import Entry, Factor, PBox
from recommend.request import Candidate, Card, Effect, Listener, Reason, Request, Slate, StageTrace

T0 = datetime(2026, 3, 1, tzinfo=UTC)
ANN = Listener(user_id="ann")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = open_database(f"sqlite:///{tmp_path / 'attune.db'}")
    UserStore(opened).ensure("ann")
    UserStore(opened).ensure("bob")
    return opened


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database)


def turn(number: int, *, user: str = "ann", talk: str = "talk", **more: object) -> TurnRecord:
    fixed = {"id": f"t{number}", "user_id": user, "conversation_id": talk, "user_text": "更有趣的", "reply": "好的"}
    return TurnRecord.model_validate(fixed | {"at": T0 + timedelta(minutes=number)} | more)


def slate(slate_id: str, *items: str) -> Slate:
    cards = tuple(
        Card(
            position=place,
            candidate=Candidate(
                item_id=item,
                row=place,
                sources={"popular": 0.7},
                fine=1.5,
                effects=(Effect(factor="mood", key="funny", shift=0.4),),
            ),
            reason=Reason(text="因为有趣", evidence=("mood:funny",)),
        )
        for place, item in enumerate(items, start=1)
    )
    trace = (StageTrace(stage="recall", ms=1.25, out=40),)
    return Slate(slate_id=slate_id, pbox_version=3, intent="home", cards=cards, trace=trace, relaxed=("mood:funny",))


def request() -> Request:
    entry = Entry(factor=Factor.MOOD, key="funny", value=0.8, set_at=T0)
    return Request(listener=ANN, now=T0, pbox=PBox(version=3, entries=(entry,)), query="有趣")


def test_a_turn_is_read_back_with_everything_it_did(journal: Journal) -> None:
    record = turn(
        1,
        calls=({"name": "set_length", "args": {"max_minutes": 30}, "result": "ok"},),
        prompt_version="agent.system@5f9f93e9",
        model="embedded",
        confidence=0.93,
        timings_ms={"turn": 120.5},
        asked="mood",
        about="sf-012",
        slate_ids=("s1",),
    )
    journal.turn(record)
    assert journal.turns("ann", "talk") == [record]


def test_the_last_turns_of_a_conversation_come_oldest_first(journal: Journal) -> None:
    for number in (1, 2, 3):
        journal.turn(turn(number))
    journal.turn(turn(4, talk="another"))
    journal.turn(turn(5, user="bob"))
    assert [kept.id for kept in journal.turns("ann", "talk", limit=2)] == ["t2", "t3"]
    assert journal.last_conversation("ann") == "another"
    assert journal.last_conversation("nobody") is None


def test_a_turn_may_be_completed_later_but_only_by_its_user(journal: Journal) -> None:
    journal.turn(turn(1))
    journal.turn(turn(1, reply="Done."))
    assert [kept.reply for kept in journal.turns("ann", "talk")] == ["Done."]
    with pytest.raises(ValueError, match="another user"):
        journal.turn(turn(1, user="bob"))


def test_a_list_is_read_back_whole(journal: Journal) -> None:
    shown = slate("s1", "b", "a")
    journal.slate("ann", shown, request(), conversation_id="talk", candidates=[shown.cards[0].candidate])
    assert journal.shown("ann", "talk") == shown
    assert journal.last_slate("ann", "talk") == ["b", "a"]


def test_the_list_on_the_screen_is_the_last_one_of_that_conversation_and_user(journal: Journal) -> None:
    assert journal.last_slate("ann", "talk") == []
    assert journal.shown("ann", "talk") is None
    journal.slate("ann", slate("s1", "a"), request(), conversation_id="talk")
    journal.slate("ann", slate("s2", "b"), request(), conversation_id="talk")
    journal.slate("ann", slate("s3", "c"), request(), conversation_id="another")
    journal.slate("bob", slate("s4", "d"), request(), conversation_id="talk")
    assert journal.last_slate("ann", "talk") == ["b"]


def test_a_list_without_a_conversation_joins_that_of_the_turn_which_brought_it(journal: Journal) -> None:
    journal.slate("ann", slate("s1", "a"), request())
    journal.slate("bob", slate("s2", "b"), request())
    journal.turn(turn(1, slate_ids=("s1", "s2")))
    assert journal.last_slate("ann", "talk") == ["a"]
    assert journal.last_slate("bob", "talk") == []


def test_the_request_is_kept_with_the_parameters_it_was_made_with(journal: Journal, database: Database) -> None:
    journal.slate("ann", slate("s1", "a"), request(), conversation_id="talk")
    (kept,) = UserStore(database).export("ann")["requests"]
    assert kept["request"]["query"] == "有趣"
    assert PBox.model_validate(kept["request"]["pbox"]) == request().pbox
    assert "history" not in kept["request"]


def test_the_title_of_an_item_outlives_the_catalogue(database: Database) -> None:
    store = ItemStore(database)
    dune = Item(
        id="sf-1", title="Dune", format="audiobook", category="sf", language="en", minutes=1, added=date(2026, 1, 1)
    )
    emma = dune.model_copy(update={"id": "cl-1", "title": "Emma"})
    assert store.sync([dune, emma]) == 2
    assert store.sync([dune, emma]) == 0
    assert store.sync([dune.model_copy(update={"title": "Dune I"})]) == 1
    assert (store.title("sf-1"), store.title("cl-1"), store.title("no-1")) == ("Dune I", "Emma", None)
