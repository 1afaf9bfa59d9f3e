"""The top line: the name, whose page this is, the page's language, dark or light, and "forget me"."""

from __future__ import annotations

from collections.abc import Sequence

from chat.screens.icons import icon
from chat.screens.live import tag, text
from chat.screens.words import Say
from chat.view import Screen
from recommend.request import Listener

NAMES = {"en": "EN", "zh": "中文"}


def header_html(screen: Screen, personas: Sequence[Listener], acting: str, say: Say) -> str:
    """The header. `acting` is the id of the simulated listener whose page is shown, or "" for the visitor's own."""
    brand = tag("span", icon("logo"), class_="at-logo") + tag("h1", "Attune") + tag("p", text(say("tagline")))
    tools = _who(personas, acting, screen.lang, say) if personas else ""
    tools += _languages(screen.lang, say) + _theme(say) + ("" if acting else _forget(say))
    inner = tag("div", brand, class_="at-brand") + tag("div", tools, class_="at-tools")
    banner = _banner(personas, acting, screen.lang, say) if acting else ""
    return tag("header", inner, class_="at-head", data_page_lang="zh-CN" if screen.lang == "zh" else "en") + banner


def _who(personas: Sequence[Listener], acting: str, lang: str, say: Say) -> str:
    own = tag("option", text(say("you")), value="", selected=not acting)
    others = "".join(
        tag("option", text(_name(p, lang)), value=p.user_id, selected=p.user_id == acting) for p in personas
    )
    group = tag("optgroup", others, label=say("simulated"))
    select = tag("select", own + group, data_change="persona", data_focus="persona", aria_label=say("who"))
    return tag("span", icon("person") + select, class_="at-select")


def _name(listener: Listener, lang: str) -> str:
    """A simulated listener may have a Chinese and an English name: "陈伯 / Mr Chen"."""
    chinese, _, english = (listener.name or listener.user_id).partition(" / ")
    return english if english and lang == "en" else chinese


def _languages(lang: str, say: Say) -> str:
    buttons = "".join(
        tag("button", text(name), type="button", data_act="language", data_lang=code, lang=code,
            data_focus=f"lang {code}", aria_pressed="true" if code == lang else "false")
        for code, name in NAMES.items()
    )  # fmt: skip
    return tag("div", buttons, class_="at-segment", role="group", aria_label=say("language"))


def _theme(say: Say) -> str:
    label = say("dark")
    return tag(
        "button", icon("theme"), type="button", class_="at-round", data_theme_switch=True, aria_label=label, title=label
    )


def _forget(say: Say) -> str:
    label = say("forget")
    opener = tag(
        "button", icon("bin"), type="button", class_="at-round", data_opens="at-forget", aria_label=label, title=label
    )
    answers = tag("button", text(say("cancel")), type="button", class_="at-ghost", data_closes=True, autofocus=True)
    answers += tag("button", text(say("forget_yes")), type="button", class_="at-danger", data_act="forget")
    inner = tag("h2", text(say("forget_title")), id="at-forget-title") + tag("p", text(say("forget_text")))
    dialog = tag(
        "dialog", inner + tag("div", answers, class_="at-answers"), id="at-forget", class_="at-dialog",
        aria_labelledby="at-forget-title",
    )  # fmt: skip
    return opener + dialog


def _banner(personas: Sequence[Listener], acting: str, lang: str, say: Say) -> str:
    name = next((_name(p, lang) for p in personas if p.user_id == acting), acting)
    back = tag("button", text(say("back_to_you")), type="button", class_="at-link", data_act="persona")
    return tag("p", text(say("acting", name=name)) + " " + back, class_="at-banner", role="status")
