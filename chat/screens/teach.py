"""The teaching card: two boxes, what came of the last lesson, and everything that is taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chat.llm.lessons import LONGEST, LessonError
from chat.screens.icons import icon
from chat.screens.live import tag, text
from chat.screens.taps import TYPED, TeachTap
from chat.screens.words import Say
from chat.teaching import Teaching
from chat.view import LessonView, Taught
from recommend.request import UiLanguage
from tools.replies import GLUE

FAULTS = frozenset({"empty", "long", "no_word", "itself", "common", "taken", "unknown"})
EXPORT = "taught.jsonl"
"""Address of the export, beside the page."""


@dataclass(frozen=True)
class Slip:
    """What stands in the boxes, and what is said below them."""

    said: str = ""
    means: str = ""
    lesson_id: str = ""
    """The lesson that is being corrected."""
    told: str = ""
    alert: bool = False
    moved: bool = False
    """Whether the boxes were just filled, so that the first one takes the focus."""


async def answer(teaching: Teaching, tap: TeachTap, lang: UiLanguage, say: Say) -> Slip:
    """Does what a tap on the card asks for; the slip tells what came of it."""
    try:
        match tap.act:
            case "teach":
                return Slip(told=outcome(await teaching.teach(tap.said, tap.means, tap.lesson, lang), lang, say))
            case "again":
                return Slip(told=outcome(await teaching.again(tap.lesson, lang), lang, say))
            case "withdraw":
                return Slip(told=say("teach_gone", said=teaching.withdraw(tap.lesson, lang).said))
            case "correct":
                return _filled(teaching.lessons(lang), tap.lesson)
            case "cancel":
                return Slip()
    except LessonError as error:
        told = refusal(error.why, say)
        kept = tap if tap.act == "teach" and error.why != "unknown" else TeachTap(act="cancel")
        return Slip(kept.said, kept.means, kept.lesson, told, alert=True)


def outcome(taught: Taught, lang: UiLanguage, say: Say) -> str:
    """How what was taught is now understood."""
    before = say("teach_was", means=taught.before) if taught.before else ""
    return GLUE[lang].join(filter(None, (_now(taught, say), before)))


def _now(taught: Taught, say: Say) -> str:
    said, told = taught.lesson.said, taught.understood
    if told is None:
        return say("teach_untried", said=said)
    if not told:
        return say("teach_unheard", said=said, means=taught.lesson.means)
    return say("teach_heard" if taught.sure else "teach_doubted", said=said, told=told)


def refusal(why: str, say: Say) -> str:
    """What is wrong with a lesson and what to do."""
    if why == "long":
        return say("teach_wrong.long", limit=LONGEST)
    return say(f"teach_wrong.{why}") if why in FAULTS else say("failed")


def teach_html(lessons: Sequence[LessonView], slip: Slip, say: Say) -> str:
    """The card, closed until somebody opens it."""
    active = [lesson for lesson in lessons if not lesson.withdrawn]
    count = tag("span", text(say("teach_count", count=len(active))), class_="at-count") if active else ""
    summary = tag("summary", tag("h2", text(say("teach"))) + count + icon("chevron"), data_focus="teach-card")
    rows = "".join(lesson_html(lesson, say) for lesson in lessons)
    heading = tag("h3", text(say("teach_list")))
    listed = heading + (
        tag("ul", rows, class_="at-lessons") if rows else tag("p", text(say("teach_empty")), class_="at-empty")
    )
    export = _export(any(lesson.sentence for lesson in active), say) if lessons else ""
    body = tag("div", _form(slip, say) + listed + export, class_="at-panelbody")
    return tag("details", summary + body, class_="at-panel at-teach", id="at-teach")


def lesson_html(lesson: LessonView, say: Say) -> str:
    """One lesson, with what can be done with it."""
    pair = tag("q", text(lesson.said)) + " → " + tag("span", text(lesson.means))
    mark = " " + tag("em", text(say("teach_withdrawn"))) if lesson.withdrawn else ""
    line = tag("p", pair + mark, class_="at-lesson")
    if lesson.withdrawn:
        acts = _button("again", say("teach_again"), lesson, f"turn {lesson.lesson_id}", say)
    else:
        acts = _button("correct", say("teach_correct"), lesson, f"correct {lesson.lesson_id}", say)
        acts += _button("withdraw", say("teach_withdraw"), lesson, f"turn {lesson.lesson_id}", say)
    return tag("li", line + tag("div", acts, class_="at-lessonacts"), class_="at-off" if lesson.withdrawn else None)


def _form(slip: Slip, say: Say) -> str:
    fields = _box("said", slip.said, slip.moved, say) + _box("means", slip.means, False, say)
    answers = tag(
        "button", text(say("teach_do")), type="button", class_="at-solidbtn", data_act="teach", data_submits=True,
        data_lesson=slip.lesson_id, data_focus="teach",
    )  # fmt: skip
    if slip.lesson_id:
        answers += tag("button", text(say("cancel")), type="button", class_="at-ghost", data_act="cancel")
    told = tag("p", text(slip.told), class_=f"at-notice{' at-alert' if slip.alert else ''}") if slip.told else ""
    spoken = tag("div", told, role="alert" if slip.alert else "status")
    intro = tag("p", text(say("teach_intro")), class_="at-origin")
    return intro + tag("div", fields + tag("div", answers, class_="at-answers") + spoken, data_form=True)


def _box(field: str, value: str, moved: bool, say: Say) -> str:
    box = tag(
        "input", "", type="text", value=value, data_field=field, data_focus=f"box {field}", data_takes_focus=moved,
        maxlength=str(TYPED), placeholder=say(f"teach_{field}_hint"), autocomplete="off", spellcheck="false",
    ).removesuffix("</input>")  # fmt: skip
    return tag("label", tag("span", text(say(f"teach_{field}"))) + box, class_="at-field")


def _button(act: str, label: str, lesson: LessonView, focus: str, say: Say) -> str:
    name = say("on_item", action=label, title=lesson.said)
    return tag(
        "button", text(label), type="button", class_="at-link", data_act=act, data_lesson=lesson.lesson_id,
        data_focus=focus, aria_label=name,
    )  # fmt: skip


def _export(any_sentence: bool, say: Say) -> str:
    if any_sentence:
        return tag("a", text(say("teach_export")), href=EXPORT, download=EXPORT, class_="at-ghost at-export")
    button = tag("button", text(say("teach_export")), type="button", class_="at-ghost at-export", disabled=True)
    return button + tag("p", text(say("teach_export_none")), class_="at-origin")


def _filled(lessons: Sequence[LessonView], lesson_id: str) -> Slip:
    lesson = next((lesson for lesson in lessons if lesson.lesson_id == lesson_id), None)
    if lesson is None:
        raise LessonError(f"there is no lesson {lesson_id!r}", "unknown")
    return Slip(lesson.said, lesson.means, lesson.lesson_id, moved=True)
