"""The first card of a new listener: language of the audio, age group, three tastes; or skip."""

from __future__ import annotations

from collections.abc import Sequence

from chat.screens.live import tag, text
from chat.screens.words import Say
from chat.view import Screen

AGES = {"all": "age_all", "7+": "age_7", "13+": "age_13", "18+": "age_18"}
LANGUAGES = {"any": "onboard_any", "en": "onboard_en", "zh": "onboard_zh"}
MAX_TASTES = 8


def wants_onboarding(screen: Screen) -> bool:
    """Whether to ask: never again once answered or skipped, and not in the way of the list of somebody who talks."""
    return not screen.listener.onboarded and not any(message.role == "user" for message in screen.messages)


def onboarding_html(screen: Screen, tastes: Sequence[tuple[str, str]], say: Say) -> str:
    """The card, or nothing where the listener has seen it. `tastes` are (label, category path)."""
    if not wants_onboarding(screen):
        return ""
    languages = [(say(key), value) for value, key in LANGUAGES.items()]
    ages = [(say(key), value) for value, key in AGES.items()]
    fields = _group("radio", "language", say("onboard_language"), languages, "any")
    fields += _group("radio", "age", say("onboard_age"), ages, screen.listener.age)
    fields += _group("checkbox", "tastes", say("onboard_tastes"), tastes, None)
    answers = tag("button", text(say("onboard_done")), type="button", class_="at-solidbtn", data_act="onboard")
    answers += tag("button", text(say("onboard_skip")), type="button", class_="at-ghost", data_act="skip")
    intro = tag("h2", text(say("onboard_title")), id="at-onboard-title") + tag("p", text(say("onboard_text")))
    form = intro + fields + tag("div", answers, class_="at-answers")
    return tag("section", form, class_="at-onboard", data_form=True, aria_labelledby="at-onboard-title")


def _group(kind: str, field: str, legend: str, choices: Sequence[tuple[str, str]], chosen: str | None) -> str:
    pills = "".join(
        tag("label", _choice(kind, field, value, value == chosen) + tag("span", text(label)))
        for label, value in choices
    )  # fmt: skip
    return tag("fieldset", tag("legend", text(legend)) + tag("div", pills, class_="at-pills"))


def _choice(kind: str, field: str, value: str, checked: bool) -> str:
    box = tag("input", "", type=kind, name=f"at-{field}", data_field=field, value=value, checked=checked)
    return box.removesuffix("</input>")
