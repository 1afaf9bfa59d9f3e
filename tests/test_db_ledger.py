"""What one change does to one parameter, by rule: steps, scopes, fading, expiry and folding without a line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.changes import Change
from db.ledger import LASTING, Origin, State, fold, in_force, posting, step, value_in_force
from recommend.pbox import BOUNDS, Factor

T0 = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
KEYS = {
    Factor.CATEGORY: "history", Factor.ENTITY: "author:Agatha Christie", Factor.BLOCK: "tag:horror",
    Factor.PENALTY: "tag:war", Factor.MOOD: "funny", Factor.SCENE: "bedtime", Factor.LENGTH: "max",
    Factor.LANGUAGE: "zh",
}  # fmt: skip
WEIGHT = Factor.CATEGORY


def after(*changes: Change, start: State | None = None, at: datetime = T0, session: str = "talk") -> State:
    state = start or {}
    for number, change in enumerate(changes, start=len(state) + 1):
        state = step(state, posting(change, number, Origin("chat", "turn", session, at)))
    return state


def change(op: str, value: float = 0.0, *, factor: Factor = WEIGHT, **more: object) -> Change:
    return Change.model_validate({"factor": factor, "key": KEYS.get(factor, ""), "op": op, "value": value} | more)


def held(state: State, at: datetime = T0, factor: Factor = WEIGHT) -> float | None:
    return value_in_force(state, factor, at)


@pytest.mark.parametrize("factor", Factor)
def test_every_factor_can_be_set_moved_and_cleared(factor: Factor) -> None:
    low, high = BOUNDS.get(factor, (-1.0, 1.0))
    state = after(change("set", high, factor=factor))
    assert held(state, factor=factor) == high
    if factor not in (Factor.BLOCK, Factor.LANGUAGE):
        assert held(after(change("add", -high / 2, factor=factor), start=state), factor=factor) == high / 2
    assert held(after(change("clear", factor=factor), start=state), factor=factor) is None


@given(
    st.sampled_from([f for f in Factor if f not in (Factor.BLOCK, Factor.LANGUAGE)]),
    st.lists(st.tuples(st.sampled_from(["add", "set"]), st.floats(-1e6, 1e6), st.booleans()), max_size=8),
)
def test_whatever_is_added_a_value_stays_within_bounds(factor: Factor, moves: list[tuple[str, float, bool]]) -> None:
    low, high = BOUNDS.get(factor, (-1.0, 1.0))
    state: State = {}
    for op, value, tonight in moves:
        state = after(change(op, value, factor=factor, scope="session" if tonight else "lasting"), start=state)
        now = held(state, factor=factor)
        assert now is None or low <= now <= high


def test_a_relative_change_starts_from_what_is_there() -> None:
    assert held(after(change("add", 0.3), change("add", 0.3))) == pytest.approx(0.6)


def test_a_taste_halves_in_its_half_life_and_then_disappears() -> None:
    state = after(change("set", 0.8))
    assert held(state, T0 + timedelta(days=60)) == pytest.approx(0.4)
    assert held(state, T0 + timedelta(days=120)) == pytest.approx(0.2)
    assert held(state, T0 + timedelta(days=400)) is None


def test_a_step_on_a_faded_taste_starts_from_the_faded_value() -> None:
    state = after(change("add", 0.3), start=after(change("set", 0.8)), at=T0 + timedelta(days=60))
    assert held(state, T0 + timedelta(days=60)) == pytest.approx(0.7)


def test_moods_fade_faster_than_interests_and_a_change_may_say_its_own_half_life() -> None:
    month = T0 + timedelta(days=30)
    assert held(after(change("set", 0.8, factor=Factor.MOOD)), month, Factor.MOOD) == pytest.approx(0.4)
    assert held(after(change("set", 0.8, half_life_days=10)), month) == pytest.approx(0.1)


@pytest.mark.parametrize("factor", [Factor.BLOCK, Factor.LENGTH, Factor.LANGUAGE, Factor.STATUS, Factor.NOVELTY])
def test_blocks_bounds_and_settings_do_not_fade(factor: Factor) -> None:
    assert held(after(change("set", 1.0, factor=factor)), T0 + timedelta(days=2000), factor) == 1.0


def test_a_hard_wish_does_not_fade_even_where_a_half_life_is_asked_for() -> None:
    state = after(change("set", -1.0, factor=Factor.ACCESS, hard=True, half_life_days=1))
    assert held(state, T0 + timedelta(days=100), Factor.ACCESS) == -1.0


def test_a_clock_that_goes_back_does_not_make_a_taste_grow() -> None:
    assert held(after(change("set", 0.8)), T0 - timedelta(days=60)) == 0.8


def test_a_weight_near_zero_is_as_good_as_unsaid_but_a_dial_at_zero_is_a_wish() -> None:
    assert held(after(change("set", 0.3), change("add", -0.29))) is None
    assert held(after(change("set", 0.0, factor=Factor.NOVELTY)), factor=Factor.NOVELTY) == 0.0


def test_tonight_hides_the_lasting_wish_and_is_gone_after_twelve_hours() -> None:
    state = after(change("set", 0.4), change("set", -0.8, scope="session"))
    assert held(state, T0 + timedelta(hours=11)) == -0.8
    assert held(state, T0 + timedelta(hours=12)) == pytest.approx(0.4, abs=0.01)


def test_more_tonight_starts_from_the_lasting_wish() -> None:
    assert held(after(change("set", 0.4), change("add", 0.3, scope="session"))) == pytest.approx(0.7)


def test_a_lasting_step_is_felt_tonight_too_but_tonight_does_not_leak_into_it() -> None:
    state = after(change("set", 0.2), change("set", 0.6, scope="session"), change("add", 0.3))
    assert held(state) == pytest.approx(0.9)
    assert state[LASTING].value == pytest.approx(0.5)
    assert held(state, T0 + timedelta(hours=12)) == pytest.approx(0.5, abs=0.01)


def test_a_lasting_word_ends_what_was_said_for_tonight() -> None:
    tonight = after(change("set", 0.6, scope="session"))
    assert held(after(change("set", -0.3), start=tonight)) == -0.3
    assert after(change("clear"), start=tonight) == {}


def test_clearing_for_tonight_hides_a_lasting_block_until_tomorrow() -> None:
    state = after(change("set", 1.0, factor=Factor.BLOCK), change("clear", factor=Factor.BLOCK, scope="session"))
    assert held(state, factor=Factor.BLOCK) is None
    assert held(state, T0 + timedelta(hours=12), Factor.BLOCK) == 1.0


def learnt(value: float, start: State, at: datetime = T0) -> State:
    return step(start, posting(change("add", value), 9, Origin("feedback", "like", "talk", at)))


def test_feedback_moves_what_was_said_but_it_stays_said_and_fades_alike() -> None:
    month = T0 + timedelta(days=60)
    start = after(change("add", 0.6, said="space opera"))
    state = learnt(0.15, start, month)
    entry = state[LASTING]
    assert (entry.source, entry.said, entry.turn_id, entry.set_at) == ("chat", "space opera", "turn", T0)
    assert held(state, month) == pytest.approx(0.45)
    assert held(state, month + timedelta(days=60)) == pytest.approx(0.225)
    assert held(learnt(1.0, start, month), month) == 1.0


def test_feedback_moves_what_was_said_for_tonight_too() -> None:
    state = learnt(0.15, after(change("add", 0.3, said="space opera", scope="session")))
    assert {(e.source, round(e.value or 0, 2)) for e in state.values()} == {("chat", 0.45), ("feedback", 0.15)}


@pytest.mark.parametrize(("said", "days"), [(0.15, 0), (0.3, 400)])
def test_feedback_that_turns_a_wish_round_or_outlives_it_is_only_learnt(said: float, days: int) -> None:
    state = learnt(-0.3, after(change("add", said)), T0 + timedelta(days=days))
    assert state[LASTING].source == "feedback"


def test_another_conversation_does_not_feel_what_was_said_for_this_one() -> None:
    state = after(change("set", 0.2), change("set", 0.9, scope="session"), session="this")
    assert value_in_force(state, WEIGHT, T0, "this") == 0.9
    assert value_in_force(state, WEIGHT, T0, "other") == 0.2
    assert in_force(after(change("set", 0.9, scope="session"), session="this"), WEIGHT, T0, "other") is None


def test_a_session_change_without_a_session_is_refused() -> None:
    with pytest.raises(ValueError, match="session_id"):
        after(change("set", 0.5, scope="session"), session="")


def test_folding_without_a_line_keeps_the_meaning_of_the_later_ones() -> None:
    lines = [
        posting(change("add", value), number, Origin("chat", "turn", "", T0))
        for number, value in enumerate((0.9, 0.6, -0.3), start=1)
    ]
    assert held(fold(lines)) == pytest.approx(0.7)  # 0.9, then 1.0 at the bound, then 0.7
    assert held(fold(lines[1:])) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("factor", "key", "says"),
    [
        (Factor.BLOCK, "horror", "kind:name"),
        (Factor.ENTITY, "singer:Adele", "author"),
        (Factor.ENTITY, "author: ", "kind:name"),
        (Factor.LENGTH, "", "min, max"),
        (Factor.LANGUAGE, "fr", "en, zh"),
        (Factor.MOOD, " ", "needs a key"),
        (Factor.NOVELTY, "more", "takes no key"),
    ],
)
def test_a_key_that_does_not_fit_its_factor_is_refused_with_what_would(factor: Factor, key: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Change(factor=factor, key=key, op="set", value=1.0)


def test_a_block_of_nothing_and_a_value_that_is_no_number_are_refused() -> None:
    with pytest.raises(ValueError, match="'clear'"):
        Change(factor=Factor.BLOCK, key="tag:horror", op="set")
    with pytest.raises(ValueError, match="finite"):
        Change(factor=Factor.NOVELTY, op="set", value=float("nan"))
