"""Users: made once, changed in known ways only, shown all that is kept of them, and forgotten without a trace."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from db.changes import Change
from db.engine import Database, UnknownUser, open_database
from db.events import EventStore
from db.journal import Journal, TurnRecord
from db.pbox import PBoxStore
from db.tables import Base
from db.users import UserStore, personal_tables
from recommend.pbox import Factor
from recommend.request import Candidate, Card, Listener, Reason, Request, Slate

T0 = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "xylophone-penguin"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'attune.db'}")


@pytest.fixture
def users(database: Database) -> UserStore:
    return UserStore(database)


def live_a_little(database: Database, user_id: str, word: str = SECRET) -> None:
    """Leave something in every table that has users."""
    listener = UserStore(database).ensure(user_id, f"name {word}")
    PBoxStore(database).change(
        user_id, "t1", [Change(factor=Factor.MOOD, key="funny", op="set", value=1, said=word)], source="chat", now=T0
    )
    candidate = Candidate(item_id="i1", row=0, sources={"popular": 1.0})
    card = Card(position=1, candidate=candidate, reason=Reason(text=word, evidence=("source:popular",)))
    slate = Slate(slate_id=f"slate-{user_id}", pbox_version=1, intent="home", cards=(card,))
    Journal(database).slate(user_id, slate, Request(listener=listener, now=T0, query=word), conversation_id="talk")
    EventStore(database).impressions(slate)
    Journal(database).turn(
        TurnRecord(id=f"turn-{user_id}", user_id=user_id, conversation_id="talk", user_text=word, reply=word, at=T0)
    )


def test_a_user_is_made_once_and_then_found(users: UserStore) -> None:
    assert users.ensure("ann", "Ann") == Listener(user_id="ann", name="Ann")
    users.update("ann", age="7+")
    assert users.ensure("ann") == users.get("ann") == Listener(user_id="ann", name="Ann", age="7+")
    assert users.ensure("ann", "Annie").name == "Annie"


def test_a_stranger_is_not_found_or_changed(users: UserStore) -> None:
    for act in (users.get, users.update, users.export):
        with pytest.raises(UnknownUser, match="'nobody'"):
            act("nobody")


def test_a_profile_changes_only_in_known_ways(users: UserStore) -> None:
    users.ensure("ann")
    assert users.update("ann", ui_language="zh", onboarded=True).ui_language == "zh"
    with pytest.raises(ValueError, match=r"no language.*Factor\.LANGUAGE"):
        users.update("ann", language="zh")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="18"):
        users.update("ann", age="21+")  # type: ignore[arg-type]
    assert users.get("ann") == Listener(user_id="ann", ui_language="zh", onboarded=True)


def test_personas_are_listed_and_visitors_are_not(users: UserStore) -> None:
    users.ensure("visitor")
    users.ensure("persona-maya", "Maya", persona=True)
    assert [listener.name for listener in users.list()] == ["Maya"]


def test_withdrawn_consent_deletes_the_events_that_were_kept(users: UserStore, database: Database) -> None:
    live_a_little(database, "ann")
    users.update("ann", consent=False)
    assert EventStore(database).history("ann").events == ()
    assert PBoxStore(database).load("ann", T0).value(Factor.MOOD, "funny") == 1


def test_every_table_about_users_is_exported_in_a_form_that_json_can_hold(users: UserStore, database: Database) -> None:
    live_a_little(database, "ann")
    live_a_little(database, "bob", "other")
    exported = users.export("ann")
    assert set(exported) == {table.name for table in Base.metadata.sorted_tables} - {"items", "trainings", "leases"}
    assert all(rows for rows in exported.values()), "live_a_little misses a table"
    written = json.dumps(exported)
    assert SECRET in written
    assert "bob" not in written


def test_to_forget_leaves_no_row_and_no_byte(users: UserStore, database: Database, tmp_path: Path) -> None:
    live_a_little(database, "bob", "other")
    live_a_little(database, "ann")
    assert any(SECRET.encode() in file.read_bytes() for file in tmp_path.iterdir())
    users.forget("ann")
    with database.read() as session:
        for table in personal_tables():
            kept = session.scalars(select(table.c.user_id).distinct()).all()
            assert kept == ["bob"], table.name
    assert not any(SECRET.encode() in file.read_bytes() for file in tmp_path.iterdir())
    users.forget("ann")


def test_who_was_forgotten_cannot_be_written_about_and_starts_anew(users: UserStore, database: Database) -> None:
    live_a_little(database, "ann")
    users.forget("ann")
    change = Change(factor=Factor.NOVELTY, op="set", value=1)
    with pytest.raises(UnknownUser):
        PBoxStore(database).change("ann", "t", [change], source="chat", now=T0)
    with pytest.raises(UnknownUser):
        EventStore(database).log("ann", "i1", "play", T0)
    with pytest.raises(UnknownUser):
        Journal(database).turn(TurnRecord(id="t", user_id="ann", conversation_id="c", user_text="", reply="", at=T0))
    users.ensure("ann")
    assert PBoxStore(database).history("ann") == []
    assert Journal(database).turns("ann", "talk") == []


def test_every_table_about_users_goes_with_its_user(database: Database) -> None:
    live_a_little(database, "ann")
    owned = [table for table in personal_tables() if table.name != "users"]
    with database.write() as session:
        session.execute(Base.metadata.tables["users"].delete())
        assert all(session.scalar(select(func.count()).select_from(table)) == 0 for table in owned)
