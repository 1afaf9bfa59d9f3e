"""Events: kept only with consent, read newest-limited and oldest first, and never crowded out by impressions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.changes import Change
from db.engine import Database, UnknownUser, open_database
from db.events import EventStore
from db.journal import Journal
from db.pbox import PBoxStore
from db.users import UserStore
from recommend.pbox import Factor
from recommend.request import Candidate, Card, Event, Listener, Reason, Request, Slate

T0 = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = open_database(f"sqlite:///{tmp_path / 'attune.db'}")
    UserStore(opened).ensure("ann")
    return opened


@pytest.fixture
def events(database: Database) -> EventStore:
    return EventStore(database)


def slate(*items: str, slate_id: str = "s1") -> Slate:
    cards = tuple(
        Card(
            position=place,
            candidate=Candidate(item_id=item, row=place, sources={"popular": 1.0}),
            reason=Reason(text="liked by many", evidence=("source:popular",)),
        )
        for place, item in enumerate(items, start=1)
    )
    return Slate(slate_id=slate_id, pbox_version=0, intent="home", cards=cards)


def event(item: str, minutes: int = 0, *, user: str = "ann", kind: str = "play", value: float | None = None) -> Event:
    at = T0 + timedelta(minutes=minutes)
    return Event.model_validate({"user_id": user, "item_id": item, "kind": kind, "at": at, "value": value})


def test_what_was_logged_is_read_back_oldest_first(events: EventStore) -> None:
    events.log("ann", "b", "rating", T0 + timedelta(minutes=1), 4.0)
    events.log("ann", "a", "play", T0, slate_id="s1", position=2)
    assert events.history("ann").events == (event("a"), event("b", 1, kind="rating", value=4.0))


def test_what_was_heard_or_turned_down_is_known_however_long_ago(events: EventStore) -> None:
    old = [event("a", 0), event("b", 1, kind="dislike"), event("c", 2, kind="dislike"), event("c", 3, kind="like")]
    events.bulk([*old, *(event("z", 10 + n, kind="click") for n in range(30))])
    history = events.history("ann", limit=20)
    assert {e.item_id for e in history.events} == {"z"}
    assert (history.heard, history.rejected) == ({"a"}, {"b"})


def test_nothing_at_all_is_kept_without_consent(events: EventStore, database: Database) -> None:
    UserStore(database).update("ann", consent=False)
    assert events.log("ann", "a", "dislike", T0) is False
    events.impressions(slate("a"), "ann", T0)
    assert events.bulk([event("a")]) == 0
    assert events.history("ann").events == ()
    assert list(events.all()) == []


def test_a_strangers_event_is_refused(events: EventStore) -> None:
    with pytest.raises(UnknownUser):
        events.log("nobody", "a", "play", T0)
    with pytest.raises(UnknownUser):
        events.bulk([event("a"), event("b", user="nobody")])
    assert list(events.all()) == []


def test_a_kind_that_does_not_exist_is_refused(events: EventStore) -> None:
    with pytest.raises(ValueError, match="impression"):
        events.log("ann", "a", "hum", T0)  # type: ignore[arg-type]


def test_impressions_are_kept_once_however_often_a_list_is_drawn(events: EventStore) -> None:
    for _ in range(3):
        events.impressions(slate("a", "b"), "ann", T0)
    events.impressions(slate("a", slate_id="s2"), "ann", T0)
    shown = [kept.item_id for kept in events.history("ann").events]
    assert shown == ["a", "b", "a"]


def test_impressions_know_their_user_from_the_journal(events: EventStore, database: Database) -> None:
    with pytest.raises(LookupError, match=r"'s1'.*Journal\.slate"):
        events.impressions(slate("a"))
    request = Request(listener=Listener(user_id="ann"), now=T0)
    Journal(database).slate("ann", slate("a"), request)
    events.impressions(slate("a"))
    assert events.history("ann").events == (event("a", kind="impression"),)


def test_impressions_do_not_push_plays_out_of_the_history(events: EventStore) -> None:
    events.bulk([event(f"i{n}", n, kind="play" if n % 50 == 0 else "impression") for n in range(200)])
    found = events.history("ann", limit=4).events
    assert [kept.item_id for kept in found] == ["i0", "i50", "i100", "i150", "i198", "i199"]


def test_all_events_come_in_pieces_and_in_order(events: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.events._CHUNK", 3)
    written = [event(f"i{n}", n) for n in range(10)]
    assert events.bulk(iter(written)) == 10
    assert list(events.all()) == written


def test_events_may_be_written_while_all_are_being_read(events: EventStore) -> None:
    events.bulk([event("a")])
    reading = events.all()
    next(reading)
    assert events.log("ann", "b", "play", T0)
    assert [kept.item_id for kept in reading] == ["b"]


def test_feedback_that_was_taken_back_is_neither_read_nor_learnt_from_until_it_is_redone(
    events: EventStore, database: Database
) -> None:
    boxes = PBoxStore(database)
    events.log("ann", "a", "play", T0)
    events.log("ann", "b", "skip", T0 + timedelta(minutes=1), turn_id="t1")
    assert boxes.undo("ann", T0).item_ids == ("b",)
    assert [kept.item_id for kept in events.history("ann").events] == ["a"]
    assert [kept.item_id for kept in events.all()] == ["a"]
    assert boxes.redo("ann", T0).item_ids == ("b",)
    assert [kept.item_id for kept in events.all()] == ["a", "b"]


def test_the_newest_of_feedback_and_changes_is_undone_first_and_both_of_one_turn_together(
    events: EventStore, database: Database
) -> None:
    boxes = PBoxStore(database)

    def later(minutes: int) -> datetime:
        return T0 + timedelta(minutes=minutes)

    def wish(key: str, turn_id: str, minutes: int) -> None:
        change = Change(factor=Factor.CATEGORY, key=key, op="add", value=0.3)
        boxes.change("ann", turn_id, [change], source="chat", now=later(minutes))

    wish("history", "t1", 1)
    events.log("ann", "a", "skip", later(2), turn_id="t2")
    events.log("ann", "b", "like", later(3), turn_id="t3")
    wish("arts", "t3", 3)
    undone = [boxes.undo("ann", later(4)) for _ in range(4)]
    assert [([change.key for change in step.changes], step.item_ids) for step in undone] == [
        (["arts"], ("b",)), ([], ("a",)), (["history"], ()), ([], ()),
    ]  # fmt: skip


def test_a_simulated_population_replaces_the_old_one_and_spares_real_users(
    events: EventStore, database: Database
) -> None:
    users = UserStore(database)
    events.log("ann", "a", "play", T0)
    old = [Listener(user_id="persona-x", name="X", persona=True), Listener(user_id="sim-1")]
    events.replace_simulated(old, [event("a", user="persona-x"), event("b", user="sim-1")])
    new = [Listener(user_id="persona-x", name="Xu", persona=True), Listener(user_id="sim-2")]
    assert events.replace_simulated(new, [event("c", user="sim-2")]) == 1
    assert [kept.item_id for kept in events.all()] == ["a", "c"]
    assert [listener.name for listener in users.list()] == ["Xu"]
    with pytest.raises(UnknownUser):
        users.get("sim-1")


def test_a_simulated_population_never_takes_the_place_of_a_real_user(events: EventStore, database: Database) -> None:
    events.replace_simulated([Listener(user_id="sim-1")], [])
    with pytest.raises(ValueError, match="ann"):
        events.replace_simulated([Listener(user_id="ann")], [])
    assert UserStore(database).get("sim-1").user_id == "sim-1"
