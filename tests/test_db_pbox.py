"""The PBox store on a real SQLite file: what is written is read, and whatever was done can be taken back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.engine import Database, UnknownUser, open_database
from db.ledger import fold
from db.pbox import Applied, Change, PBoxStore
from db.shelf import read_lines, read_states
from db.users import UserStore
from recommend.pbox import Dimension, Entry, Factor, PBox

T0 = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path: Path = tmp_path_factory.mktemp("db") / "attune.db"
    opened = open_database(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def box(database: Database) -> Talk:
    return Talk(database)


class Talk:
    """One user talking; every `says` is a turn of its own, five minutes after the last."""

    def __init__(self, database: Database) -> None:
        self.database, self.store, self.now, self.user = database, PBoxStore(database), T0, uuid.uuid4().hex
        UserStore(database).ensure(self.user)

    def says(self, *changes: Change, turn: str | None = None, source: str = "chat") -> tuple[Applied, ...]:
        self.now += timedelta(minutes=5)
        turn_id = uuid.uuid4().hex if turn is None else turn
        return self.store.change(self.user, turn_id, changes, source=source, session_id="talk", now=self.now)  # type: ignore[arg-type]

    def undo(self) -> tuple[Applied, ...]:
        return self.store.undo(self.user, self.now).changes

    def redo(self) -> tuple[Applied, ...]:
        return self.store.redo(self.user, self.now).changes

    @property
    def pbox(self) -> PBox:
        return self.store.load(self.user, self.now)

    @property
    def values(self) -> dict[str, float]:
        return {f"{e.factor}:{e.key}": round(e.value, 3) for e in self.pbox.entries}


def more(key: str, by: float = 0.3, **also: object) -> Change:
    return Change.model_validate({"factor": Factor.CATEGORY, "key": key, "op": "add", "value": by} | also)


def mood(key: str, value: float = 0.8, **also: object) -> Change:
    return Change.model_validate({"factor": Factor.MOOD, "key": key, "op": "set", "value": value} | also)


def never(key: str) -> Change:
    return Change(factor=Factor.BLOCK, key=key, op="set", value=1.0, said=key)


def gone(factor: Factor, key: str = "") -> Change:
    return Change(factor=factor, key=key, op="clear")


def test_an_unknown_user_has_an_empty_box_but_cannot_change_it(box: Talk) -> None:
    assert box.store.load("nobody", T0) == PBox()
    with pytest.raises(UnknownUser, match="'nobody'.*UserStore.ensure"):
        box.store.change("nobody", "t", [more("history")], source="chat", now=T0)


def test_an_entry_tells_what_who_when_and_for_how_long(box: Talk) -> None:
    (made,) = box.says(mood("funny", said="搞笑", scope="session"), turn="t1", source="chip")
    assert box.pbox.entries == (
        Entry(
            factor=Factor.MOOD, key="funny", value=0.8, scope="session", said="搞笑", set_at=box.now,
            expires_at=box.now + timedelta(hours=12), source="chip", turn_id="t1", change_id=made.id,
        ),
    )  # fmt: skip


def test_a_change_tells_what_was_in_force_before_and_after(box: Talk) -> None:
    first, second = box.says(more("history", 0.6), more("history", 0.6))
    assert (first.before, first.after) == (None, 0.6)
    assert (second.before, second.after) == (0.6, 1.0)


def test_every_write_raises_the_version_and_doing_nothing_does_not(box: Talk) -> None:
    seen = [box.pbox.version]
    for act in (lambda: box.says(more("history")), box.undo, box.redo, box.redo):
        act()
        seen.append(box.pbox.version)
    assert seen == [0, 1, 2, 3, 3]
    assert box.says(gone(Factor.MOOD, "funny")) == ()
    assert box.says() == ()
    assert box.pbox.version == 3


def test_all_changes_of_a_call_are_made_or_none(box: Talk) -> None:
    with pytest.raises(ValueError, match="session_id"):
        box.store.change(
            box.user, "t", [more("history"), mood("funny", scope="session")], source="chat", session_id="", now=T0
        )
    assert box.pbox == PBox()
    assert box.store.history(box.user, 10) == []


def test_undo_takes_back_a_whole_turn_even_where_it_took_two_calls(box: Talk) -> None:
    box.says(more("science"))
    box.says(more("history"), turn="t2")
    box.says(mood("funny"), turn="t2")
    undone = box.undo()
    assert [(change.key, change.before, change.after, change.undone) for change in undone] == [
        ("history", pytest.approx(0.3, abs=0.01), None, True),
        ("funny", 0.8, None, True),
    ]
    assert box.values == {"category:science": 0.3}


def test_each_action_on_the_panel_is_undone_alone(box: Talk) -> None:
    box.says(more("history"), turn="panel", source="panel")
    box.says(more("science"), turn="panel", source="panel")
    box.undo()
    assert box.values == {"category:history": 0.3}


def test_undo_goes_back_step_by_step_and_redo_forward_again(box: Talk) -> None:
    states = [box.values]
    for key in ("a", "b", "c"):
        box.says(more(key))
        states.append(box.values)
    for state in states[-2::-1]:
        box.undo()
        assert box.values == state
    assert box.undo() == ()
    for state in states[1:]:
        assert all(not change.undone for change in box.redo())
        assert box.values == state
    assert box.redo() == ()


def test_a_new_change_ends_the_redoing(box: Talk) -> None:
    box.says(more("history"))
    box.undo()
    box.says(more("science"))
    assert box.redo() == ()
    assert box.values == {"category:science": 0.3}


def test_undoing_one_change_in_the_middle_leaves_the_later_ones(box: Talk) -> None:
    (first,) = box.says(mood("funny", 0.4))
    box.says(more("history"))
    box.says(Change(factor=Factor.MOOD, key="funny", op="add", value=0.3))
    box.store.undo_changes(box.user, [first.id], box.now)
    assert box.values == {"mood:funny": 0.3, "category:history": 0.3}
    assert box.store.undo_changes(box.user, [first.id], box.now) == ()
    box.redo()
    assert box.values == {"mood:funny": 0.7, "category:history": 0.3}


def test_many_changes_are_undone_in_one_step_and_redone_in_one(box: Talk) -> None:
    box.says(*(mood(f"mood {n}") for n in range(30)))
    before = box.values
    gone_ids = [change.id for change in box.store.reset(box.user, "all", "t9", box.now)]
    undone = box.store.undo_changes(box.user, gone_ids, box.now)
    assert (len(undone), box.values) == (30, before)
    assert len(box.redo()) == 30
    assert box.values == {}


def test_undoing_a_wish_that_was_said_twice_takes_back_the_whole_wish(box: Talk) -> None:
    box.says(never("tag:horror"), more("history"))
    box.says(never("tag:horror"))
    (undone,) = box.undo()
    assert (undone.before, undone.after) == (1.0, None)
    assert box.values == {"category:history": pytest.approx(0.3, abs=0.01)}
    box.redo()
    assert box.pbox.is_hard(Factor.BLOCK, "tag:horror")
    assert box.redo() == ()


def test_a_wish_that_is_said_again_fades_anew(box: Talk) -> None:
    box.says(mood("funny", half_life_days=3))
    box.now += timedelta(days=3)
    assert box.values == {"mood:funny": pytest.approx(0.4, abs=0.01)}
    box.says(mood("funny", half_life_days=3))
    assert box.values == {"mood:funny": 0.8}
    box.undo()
    assert box.values == {}


def test_a_wish_for_longer_or_for_tonight_is_another_wish(box: Talk) -> None:
    box.says(mood("funny", half_life_days=3))
    for change in (mood("funny", half_life_days=365), mood("funny", scope="session")):
        before = futures(box)
        box.now -= timedelta(minutes=5)
        box.says(change)
        box.undo()
        assert futures(box) == before


def test_a_lasting_step_survives_where_tonights_wish_says_again_what_it_made(box: Talk) -> None:
    box.says(mood("funny", 0.3, scope="session"))
    box.says(mood("funny", 0.3, op="add"))
    box.says(mood("funny", 0.6, scope="session"))
    box.undo()
    box.now += timedelta(hours=13)
    assert box.values == {"mood:funny": pytest.approx(0.3, abs=0.01)}


def test_nobody_undoes_the_change_of_somebody_else(box: Talk, database: Database) -> None:
    (made,) = box.says(more("history"))
    other = Talk(database)
    assert other.store.undo_changes(other.user, [made.id], box.now) == ()
    assert other.undo() == ()
    assert box.values == {"category:history": 0.3}


def test_a_block_stays_until_it_is_cleared(box: Talk) -> None:
    box.says(never("tag:horror"))
    box.now += timedelta(days=3000)
    assert box.pbox.is_hard(Factor.BLOCK, "tag:horror")
    box.says(gone(Factor.BLOCK, "tag:horror"))
    assert box.pbox.entries == ()


@pytest.mark.parametrize("dimension", ["mood", Dimension.MOOD])
def test_resetting_a_dimension_spares_the_others_and_can_be_undone(box: Talk, dimension: str) -> None:
    box.says(mood("funny"), Change(factor=Factor.SCENE, key="bedtime", op="set", value=0.8), more("history"))
    before = box.values
    cleared = box.store.reset(box.user, dimension, "t9", box.now)
    assert {(change.factor, change.after) for change in cleared} == {(Factor.MOOD, None), (Factor.SCENE, None)}
    assert box.values == {"category:history": 0.3}
    box.undo()
    assert box.values == before


def test_resetting_all_leaves_an_empty_box_also_of_what_was_for_tonight(box: Talk) -> None:
    box.says(mood("funny"), mood("funny", -0.4, scope="session"), never("tag:war"))
    box.says(Change(factor=Factor.LANGUAGE, key="zh", op="set", value=1))
    box.store.reset(box.user, "all", "t9", box.now)
    assert box.pbox.entries == ()
    assert box.store.reset(box.user, "all", "t10", box.now) == ()


def test_an_unknown_dimension_is_refused(box: Talk) -> None:
    with pytest.raises(ValueError, match="weather"):
        box.store.reset(box.user, "weather", "t", T0)


def test_what_was_for_tonight_is_over_twelve_hours_later_without_anybody_ending_it(box: Talk) -> None:
    box.says(more("history"))
    box.says(mood("calm", scope="session"))
    box.now += timedelta(hours=12)
    assert list(box.values) == ["category:history"]
    (undone,) = box.undo()
    assert undone.key == "history"


def test_other_conversations_can_be_left_out(box: Talk) -> None:
    box.says(mood("calm", scope="session"), more("history"))
    assert len(box.store.load(box.user, box.now, "talk").entries) == 2
    assert len(box.store.load(box.user, box.now, "another").entries) == 1


def test_the_history_is_newest_first_and_marks_what_was_undone(box: Talk) -> None:
    box.says(more("a"))
    box.says(more("b"))
    box.undo()
    assert [(line.key, line.undone) for line in box.store.history(box.user, 10)] == [("b", True), ("a", False)]
    assert len(box.store.history(box.user, 1)) == 1


def test_a_time_without_a_zone_is_refused(box: Talk) -> None:
    with pytest.raises(Exception, match="time zone"):
        box.store.change(box.user, "t", [more("history")], source="chat", now=datetime(2026, 3, 1))


MOODS = st.sampled_from(["funny", "calm"])
SCOPES = st.sampled_from(["lasting", "session"])
STEPS = st.floats(-1, 1).map(lambda x: round(x, 2))
CHANGES = st.one_of(
    st.builds(mood, MOODS, STEPS, scope=SCOPES),
    st.builds(lambda key, by, scope: mood(key, by, op="add", scope=scope), MOODS, STEPS, SCOPES),
    st.builds(lambda key, scope: mood(key, 0.0, op="clear", scope=scope), MOODS, SCOPES),
    st.builds(never, st.sampled_from(["tag:war", "tag:horror"])),
    st.just(gone(Factor.BLOCK, "tag:war")),
    st.builds(lambda v: Change(factor=Factor.NOVELTY, op="set", value=v), st.floats(0, 1)),
)  # fmt: skip
TURNS = st.lists(st.lists(CHANGES, min_size=1, max_size=3), max_size=5)
LATER = [timedelta(), timedelta(hours=11), timedelta(hours=13), timedelta(days=20), timedelta(days=200)]
slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def futures(talk: Talk) -> list[tuple[Entry, ...]]:
    """What is in force now and at several times to come: equal futures mean that nothing is left of a change."""
    return [talk.store.load(talk.user, talk.now + later).entries for later in LATER]


def folds_to_what_is_held(talk: Talk) -> bool:
    with talk.database.read() as session:
        states = read_states(session, talk.user)
        live = {p: {s: h for s, h in state.items() if h.live(talk.now)} for p, state in states.items()}
        folded = {place: fold(read_lines(session, talk.user, place)) for place in states}
        now = {p: {s: h for s, h in state.items() if h.live(talk.now)} for p, state in folded.items()}
    return live == now


def says_something_again(talk: Talk, made: tuple[Applied, ...]) -> bool:
    """Whether an earlier line gave way to these, which are undone together with it."""
    mine = {change.id for change in made}
    return any(line.undone and line.id not in mine for line in talk.store.history(talk.user, 100))


@slow
@given(TURNS, st.lists(CHANGES, min_size=1, max_size=3))
def test_undo_after_any_change_is_as_if_nothing_had_happened_and_redo_brings_it_back(
    database: Database, before: list[list[Change]], last: list[Change]
) -> None:
    talk = Talk(database)
    for turn in before:
        talk.says(*turn)
    untouched = futures(talk)
    talk.now -= timedelta(minutes=5)
    made = talk.says(*last)
    if not made:
        return
    changed = futures(talk)
    talk.undo()
    if not says_something_again(talk, made):
        assert futures(talk) == untouched
    talk.redo()
    assert futures(talk) == changed


@slow
@given(TURNS.filter(bool), st.integers(0, 100))
def test_undoing_one_change_is_as_if_only_the_others_had_been_made(
    database: Database, turns: list[list[Change]], pick: int
) -> None:
    talk, other = Talk(database), Talk(database)
    made = [(change, line) for turn in turns for change in turn for line in talk.says(change)]
    if not made:
        return
    victim = made[pick % len(made)][1]
    talk.store.undo_changes(talk.user, [victim.id], talk.now)
    standing = {line.id for line in talk.store.history(talk.user, len(made)) if not line.undone}
    assert victim.id not in standing
    for change, line in made:
        if line.id in standing:
            other.store.change(other.user, line.turn_id, [change], source="chat", session_id="talk", now=line.at)
    unnumbered = {"change_id", "turn_id"}
    for later in LATER:
        left = talk.store.load(talk.user, talk.now + later).entries
        right = other.store.load(other.user, talk.now + later).entries
        assert [e.model_dump(exclude=unnumbered) for e in left] == [e.model_dump(exclude=unnumbered) for e in right]


@slow
@given(st.lists(st.one_of(CHANGES, st.sampled_from(["undo", "redo", "reset"])), max_size=12))
def test_whatever_happens_the_entries_are_what_the_history_folds_to(
    database: Database, acts: list[Change | str]
) -> None:
    talk = Talk(database)
    for act in acts:
        version, offered = talk.pbox.version, talk.store.steps(talk.user, talk.now)
        if isinstance(act, Change):
            done: object = talk.says(act)
        else:
            done = {"undo": talk.undo, "redo": talk.redo}.get(act, lambda: reset(talk))()
        assert folds_to_what_is_held(talk)
        assert talk.pbox.version == version + bool(done)
        if act == "undo":
            assert bool(done) == offered.undo
        if act == "redo":
            assert bool(done) == offered.redo


def reset(talk: Talk) -> tuple[Applied, ...]:
    return talk.store.reset(talk.user, "mood", uuid.uuid4().hex, talk.now)
