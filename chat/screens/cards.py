"""The list: one card an item, with its cover, its facts, why it is there, and what can be done with it."""

from __future__ import annotations

from urllib.parse import urlsplit

from chat.screens.covers import cover
from chat.screens.icons import icon
from chat.screens.live import tag, text
from chat.screens.words import Say
from chat.view import CardView, Screen


def list_html(screen: Screen, say: Say) -> str:
    """The whole list with its heading, marked with how many messages went before it. Every word is escaped."""
    head = tag("h2", text(screen.title or say("list")), id="at-list-title") + tag(
        "button", icon("refresh") + tag("span", text(say("refresh"))), type="button", class_="at-ghost",
        data_act="refresh", data_focus="refresh",
    )  # fmt: skip
    body = "".join(card_html(card, say) for card in screen.cards)
    inner = (
        tag("div", body, class_="at-cards", role="list")
        if body
        else tag("p", text(say("list_empty")), class_="at-empty")
    )
    return tag(
        "section", tag("div", head, class_="at-listhead") + inner, class_="at-list", aria_label=say("list_label"),
        data_after=str(len(screen.messages)),
    )  # fmt: skip


def card_html(card: CardView, say: Say) -> str:
    """One card."""
    top = tag("div", cover(card.category_path, card.item_id, card.title) + _facts(card), class_="at-cardtop")
    reason = tag("p", text(card.reason), class_="at-reason") if card.reason else ""
    state = "at-card at-off" if card.disliked else "at-card"
    return tag("article", top + reason + _buttons(card, say), class_=state, role="listitem", data_item=card.item_id)


def playable(url: str | None) -> str | None:
    """The address where a browser may be sent: http and https only, with a host."""
    parts = urlsplit(url) if url and _splits(url) else None
    return url if parts and parts.scheme in {"http", "https"} and parts.netloc else None


def _splits(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def _facts(card: CardView) -> str:
    lines = tag("h3", text(card.title), title=card.title)
    lines += tag("p", text(card.people), class_="at-people", title=card.people) if card.people else ""
    lines += tag("p", text(card.facts), class_="at-facts") if card.facts else ""
    marks = tag("span", text(card.category), class_="at-cat") if card.category else ""
    marks += tag("span", text(card.price), class_="at-price") if card.price else ""
    return tag("div", lines + tag("p", marks, class_="at-marks"), class_="at-cardtext")


def _buttons(card: CardView, say: Say) -> str:
    row = _toggle(card, "like", card.liked, say) + _toggle(card, "dislike", card.disliked, say)
    row += _toggle(card, "save", card.saved, say) + _more(card, say) + _play(card, say)
    return tag("div", row, class_="at-acts")


def _toggle(card: CardView, act: str, on: bool, say: Say) -> str:
    return tag(
        "button", icon(act), type="button", class_=f"at-round at-{act}", data_act=act, data_item=card.item_id,
        data_focus=f"{act} {card.item_id}", aria_pressed="true" if on else "false", title=say(act),
        aria_label=say("on_item", action=say(act), title=card.title),
    )  # fmt: skip


def _more(card: CardView, say: Say) -> str:
    return tag(
        "button", icon("more") + tag("span", text(say("more"))), type="button", class_="at-ghost at-more",
        data_act="more", data_item=card.item_id, data_focus=f"more {card.item_id}",
        aria_label=say("on_item", action=say("more"), title=card.title),
    )  # fmt: skip


def _play(card: CardView, say: Say) -> str:
    inner = icon("play") + tag("span", text(say("play")))
    shared = {"class_": "at-solidbtn at-play", "data_act": "play", "data_item": card.item_id}
    focus = f"play {card.item_id}"
    if url := playable(card.url):
        label = say("opens_new_tab", action=say("play"), title=card.title)
        return tag(
            "a",
            inner,
            href=url,
            target="_blank",
            rel="noopener noreferrer",
            aria_label=label,
            data_focus=focus,
            **shared,
        )
    label = say("on_item", action=say("play"), title=card.title)
    return tag("button", inner, type="button", aria_label=label, data_focus=focus, **shared)
