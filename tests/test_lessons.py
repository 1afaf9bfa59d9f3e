"""Rules of teaching: it works at once, in every process, can be corrected and withdrawn, and refuses nonsense."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import HumanMessage

from chat.llm.context import Context
from chat.llm.embedded import EmbeddedChat
from chat.llm.lessons import LessonBook, LessonError, in_plain_words, lesson_records
from chat.llm.understanding import Call, Parse

FREE = Call(name="set_payment", args={"access": "free"})


def letters(text: str) -> np.ndarray:
    """A simplest legal embedding: texts with the same two-letter pieces are near."""
    vector = np.zeros(64, dtype=np.float32)
    for at in range(len(text)):
        vector[int(hashlib.md5(text[at : at + 2].lower().encode()).hexdigest(), 16) % 64] += 1
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


@pytest.fixture
def book(tmp_path: Path) -> LessonBook:
    return LessonBook(lesson_records(tmp_path), letters)


def test_nothing_taught_changes_nothing(book: LessonBook) -> None:
    assert book.about("想听小甜饼", near=True) == ("想听小甜饼", None, ())


def test_an_expression_is_read_as_its_meaning_from_the_next_turn_on(book: LessonBook) -> None:
    book.teach("小甜饼", means="甜的言情")
    assert book.about("想听小甜饼，短一点").plain == "想听甜的言情，短一点"


def test_a_taught_sentence_gets_its_calls_however_it_is_written(book: LessonBook) -> None:
    book.teach("The usual, please!", calls=[FREE])
    assert book.about("the usual please").calls == (FREE,)
    assert book.about("not the usual please").calls is None


def test_latin_words_are_replaced_as_whole_words_and_longer_expressions_first(book: LessonBook) -> None:
    lessons = (book.teach("tea", means="calm"), book.teach("Tea time", means="something short"))
    assert in_plain_words("tea time with steam and TEA", lessons) == "something short with steam and calm"


def test_a_meaning_is_not_replaced_again(book: LessonBook) -> None:
    lessons = (book.teach("cosy", means="warm"), book.teach("warm", means="spicy"))
    assert in_plain_words("cosy and warm", lessons) == "warm and spicy"


def test_another_process_sees_what_was_taught_and_a_restart_keeps_it(book: LessonBook, tmp_path: Path) -> None:
    other = LessonBook(lesson_records(tmp_path), letters)
    assert other.lessons() == ()
    lesson = book.teach("小甜饼", means="甜的言情")
    assert other.lessons() == (lesson,)


def test_teaching_the_same_words_again_corrects_them(book: LessonBook) -> None:
    book.teach("小甜饼", means="甜点")
    book.teach("小甜饼", means="甜的言情")
    assert [lesson.means for lesson in book.all()] == ["甜的言情"]


def test_a_withdrawn_lesson_is_out_of_force_but_still_listed(book: LessonBook) -> None:
    lesson = book.teach("小甜饼", means="甜的言情")
    book.withdraw(lesson.lesson_id)
    assert book.about("小甜饼", near=True) == ("小甜饼", None, ())
    assert [old.withdrawn for old in book.all()] == [True]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"said": "x"}, "either"),
        ({"said": "x", "means": "y", "calls": [FREE]}, "either"),
        ({"said": "?!", "means": "y"}, "no word"),
        ({"said": "", "means": "y"}, "at least 1"),
        ({"said": "x", "calls": [Call(name="buy_all", args={})]}, "buy_all"),
    ],
)
def test_what_cannot_be_taught_is_refused_with_a_reason(book: LessonBook, fields: dict, told: str) -> None:
    with pytest.raises(LessonError, match=told):
        book.teach(**fields)
    assert book.all() == ()


def test_the_nearest_lessons_join_a_prompt(book: LessonBook) -> None:
    for said, means in (("brain food", "science"), ("couch stuff", "comedy"), ("小甜饼", "甜的言情")):
        book.teach(said, means=means)
    near = book.about("some brain food for the train", near=True).near
    assert near[0].said == "brain food"
    assert book.select_examples({"said": "some brain food"})[0]["means"] == "science"
    assert book.add_example({"said": "brain food", "means": "popular science"}) == near[0].lesson_id


def test_the_embedded_model_reads_the_plain_words_and_obeys_a_taught_sentence() -> None:
    heard: list[str] = []

    class Reader:
        def parse(self, utterance: str, context: Context, *, cancelled: object = None) -> Parse:
            heard.append(utterance)
            return Parse(calls=(FREE,), confidence=0.9)

    model = EmbeddedChat(reader=Reader())
    model.invoke([HumanMessage("小甜饼", additional_kwargs={"taught": {"plain": "甜的言情"}})])
    assert heard == ["甜的言情"]
    whole = {"plain": "the usual", "calls": (FREE,)}
    answer = model.invoke([HumanMessage("the usual", additional_kwargs={"taught": whole})])
    assert [call["name"] for call in answer.tool_calls] == ["set_payment"] and len(heard) == 1


def test_many_may_ask_while_somebody_teaches(book: LessonBook) -> None:
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(20):
                book.about("小甜饼")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must fail with it
            faults.append(error)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for n in range(5):
        book.teach(f"word{n}", means="calm")
    for asker in askers:
        asker.join()
    assert faults == [] and len(book.lessons()) == 5


def test_two_who_teach_the_same_words_at_once_make_one_lesson(book: LessonBook) -> None:
    teachers = [
        threading.Thread(target=book.teach, args=("cosy",), kwargs={"means": word}) for word in ("warm", "calm")
    ]
    for teacher in teachers:
        teacher.start()
    for teacher in teachers:
        teacher.join()
    assert len(book.all()) == 1


def test_words_of_a_withdrawn_lesson_bring_it_back(book: LessonBook) -> None:
    lesson = book.teach("cosy", means="warm")
    book.withdraw(lesson.lesson_id)
    assert book.teach("Cosy!", means="calm").lesson_id == lesson.lesson_id
    assert [(old.means, old.withdrawn) for old in book.all()] == [("calm", False)]
