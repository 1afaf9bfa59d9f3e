"""Under the last message: what was understood, each change with its undo, and tappable suggestions."""

from __future__ import annotations

from chat.screens.icons import icon
from chat.screens.live import tag, text
from chat.screens.words import Say
from chat.view import Screen, ToolNote


def chips_html(screen: Screen, say: Say, *, busy: bool = False) -> str:
    """Both rows; with `busy`, while a turn runs, nothing in them can be tapped."""
    changes = "".join(_change(note, say, busy) for note in last_notes(screen))
    chips = "".join(
        tag(
            "button",
            text(chip.text),
            type="button",
            class_="at-chip",
            data_act="tap",
            data_chip=chip.chip_id,
            disabled=busy,
        )
        for chip in screen.chips
    )
    rows = tag("div", changes, class_="at-changes", role="group", aria_label=say("understood")) if changes else ""
    rows += tag("div", chips, class_="at-chiprow", role="group", aria_label=say("suggestions")) if chips else ""
    return rows


def last_notes(screen: Screen) -> tuple[ToolNote, ...]:
    """The notes of the latest answer that changed something and can be taken back."""
    if not screen.messages or screen.messages[-1].role != "assistant":
        return ()
    return tuple(note for note in screen.messages[-1].notes if note.ok and note.change_ids)


def notice_html(notice: str, *, alert: bool = False) -> str:
    """One line for the visitor, read out by screen readers; empty where there is nothing to say."""
    return tag("p", text(notice), class_="at-notice at-alert" if alert else "at-notice") if notice else ""


def _change(note: ToolNote, say: Say, busy: bool) -> str:
    undo = tag(
        "button", icon("undo"), type="button", class_="at-round at-small", data_act="undo",
        data_changes=",".join(map(str, note.change_ids)), disabled=busy,
        title=say("undo_this", what=note.text), aria_label=say("undo_this", what=note.text),
    )  # fmt: skip
    return tag("span", tag("span", text(note.text)) + undo, class_="at-change")
