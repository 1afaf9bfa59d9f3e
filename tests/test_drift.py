"""Rules of the drift measure: it compares calls, and asks for training only for a reason."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from chat.llm.context import Context
from chat.llm.lessons import Lesson
from chat.llm.understanding import Call, Parse
from lab.understanding.drift import FEWEST, MOST_DAYS, Drift, jaccard, measure

FREE, SHORT, UNDO = (
    Call(name="set_payment", args={"access": "free"}),
    Call(name="set_length", args={"length": "short"}),
    Call(name="undo_last_change", args={}),
)
READINGS = st.lists(st.sampled_from([FREE, SHORT, UNDO]), max_size=4)
TODAY = date(2026, 11, 26)


class Reads:
    """A model that reads each text as it is told."""

    def __init__(self, **readings: tuple[Call, ...]) -> None:
        self._readings = readings

    def parse(self, utterance: str, context: Context) -> Parse:
        return Parse(calls=self._readings.get(utterance, ()), confidence=1.0)


@given(READINGS, READINGS)
def test_similarity_is_symmetric_and_one_only_for_the_same_calls(one: list[Call], other: list[Call]) -> None:
    assert jaccard(one, other) == jaccard(other, one)
    assert (jaccard(one, other) == 1.0) == (sorted(map(repr, one)) == sorted(map(repr, other)))


def test_a_sentence_is_compared_with_its_calls_and_an_expression_needs_no_training() -> None:
    half, free = (SHORT, UNDO), (FREE,)
    lessons = (
        Lesson(lesson_id="1", said="usual", means="short"),
        Lesson(lesson_id="2", said="the usual, please", calls=half),
        Lesson(lesson_id="3", said="cheapo", calls=free),
    )
    model = Reads(**{"the usual, please": (SHORT,), "cheapo": free})
    assert measure(lessons, model, TODAY, TODAY).similarities == (0.5, 1.0)


def test_training_is_due_when_many_lessons_are_read_wrong_or_old_weights_have_any() -> None:
    assert Drift((0.0,) * FEWEST, 0).due()
    assert not Drift((0.0,) * (FEWEST - 1), 0).due()
    assert not Drift((1.0,) * FEWEST, 0).due()
    assert Drift((1.0, 0.5), MOST_DAYS).due()
    assert not Drift((), 10 * MOST_DAYS).due()


def test_training_is_never_due_for_lessons_that_are_read_as_they_were_taught() -> None:
    assert not Drift((1.0,) * FEWEST, 10 * MOST_DAYS).due()
    assert "1 of 2 lessons" in Drift((1.0, 0.0), MOST_DAYS).due()
