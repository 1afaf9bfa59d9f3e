"""Suggestion chips: what a listener might say next. Each carries its own tool calls, so a tap needs no model.

A chip's id is its calls, signed for the user it was offered to: the server keeps no list of open chips, and a
browser can neither forge one nor use another user's. Sources: the question just asked, the list on the screen,
the category tree, the hour's scene, and one row for each parameter that can be set.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from catalog.catalogue import Catalogue
from chat.view import Chip
from prompts.texts import Texts
from recommend.pbox import Factor, PBox

Lang = Literal["en", "zh"]
SHOWN = 5
TITLE_LENGTH = 24
TAG = 12
"""Bytes of the signature: 96 bits."""


class Offer(NamedTuple):
    """A suggestion before it is signed."""

    text: str
    calls: tuple[dict[str, Any], ...]
    source: str


class ChipError(ValueError):
    """A chip id that this server never gave to this user."""


class ChipSigner:
    """Signs chips with the server's secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def sign(self, user_id: str, offer: Offer) -> Chip:
        """The chip that this user may tap."""
        body = json.dumps({"text": offer.text, "calls": offer.calls}, ensure_ascii=False).encode()
        return Chip(chip_id=base64.urlsafe_b64encode(self._tag(user_id, body) + body).decode(), text=offer.text)

    def read(self, user_id: str, chip_id: str) -> tuple[str, list[dict[str, Any]]]:
        """The text and the calls of a chip. Raises ChipError for an id that was not given to this user."""
        try:
            raw = base64.urlsafe_b64decode(chip_id.encode("ascii", "strict"))
        except ValueError as error:
            raise ChipError("not a chip") from error
        tag, body = raw[:TAG], raw[TAG:]
        if not hmac.compare_digest(tag, self._tag(user_id, body)):
            raise ChipError("this chip was not offered to this user")
        content = json.loads(body)
        return content["text"], content["calls"]

    def _tag(self, user_id: str, body: bytes) -> bytes:
        return hmac.new(self._secret, user_id.encode() + b"\0" + body, hashlib.sha256).digest()[:TAG]


class ChipMaker:
    """Finds suggestions that fit the moment."""

    def __init__(self, catalogue: Catalogue, texts: Texts) -> None:
        self._catalogue, self._texts = catalogue, texts

    def offers(self, pbox: PBox, shown: Sequence[str], hour: int, seed: int, lang: Lang) -> list[Offer]:
        """At most SHOWN suggestions, from different sources, none of which is already in force."""
        rng = random.Random(seed)
        pools = [
            list(self._about_list(shown, lang)),
            list(self._by_category(pbox, shown, lang)),
            list(self._functions(pbox, lang)),
            list(self._by_hour(pbox, hour, lang)),
        ]
        for pool in pools:
            rng.shuffle(pool)
        picked: list[Offer] = []
        while len(picked) < SHOWN and any(pools):
            picked += [pool.pop() for pool in pools if pool]
        return picked[:SHOWN]

    def _say(self, key: str, lang: Lang, **values: str) -> str:
        return self._texts.say(f"chips.{key}", lang, **values)

    def _about_list(self, shown: Sequence[str], lang: Lang) -> Iterable[Offer]:
        if not shown:
            return
        title = self._catalogue.item(shown[0]).title
        short = title if len(title) <= TITLE_LENGTH else title[:TITLE_LENGTH].rstrip() + "…"
        yield _offer(self._say("like_this", lang, title=short), "list", "find_similar", item=title)
        yield _offer(self._say("more", lang), "list", "recommend")
        yield _offer(self._say("why", lang), "list", "explain_recommendation")

    def _by_category(self, pbox: PBox, shown: Sequence[str], lang: Lang) -> Iterable[Offer]:
        taxonomy = self._catalogue.words.taxonomy
        set_already = {entry.key for entry in pbox.of(Factor.CATEGORY)}
        blocked = {entry.key.removeprefix("category:") for entry in pbox.of(Factor.BLOCK)}
        paths = {self._catalogue.item(i).category.rsplit("/", 1)[0] for i in shown[:4]} or {
            c.path for c in taxonomy.children(None)
        }
        for path in sorted(paths):
            if path not in set_already and not any(path == b or path.startswith(b + "/") for b in blocked):
                label = taxonomy.label(path, lang)
                text = self._say("more_of", lang, category=label)
                yield _offer(text, "category", "update_interest_weight", category=label, weight_increase=0.3)

    def _functions(self, pbox: PBox, lang: Lang) -> Iterable[Offer]:
        rows: list[tuple[Factor, str, str, dict[str, Any]]] = [
            (Factor.STATUS, "finished_only", "set_completion_status", {"status": "completed"}),
            (Factor.LENGTH, "shorter", "set_length", {"length": "short"}),
            (Factor.ACCESS, "free_only", "set_payment", {"access": "free"}),
            (Factor.NOVELTY, "adventurous", "set_exploration", {"novelty": 0.8}),
            (Factor.POPULARITY, "hidden_gems", "set_popularity", {"popularity": -0.8}),
            (Factor.RECENCY, "new", "set_freshness", {"recency": 0.8}),
        ]
        taken = {entry.factor for entry in pbox.entries}
        for factor, key, tool, args in rows:
            if factor not in taken:
                yield _offer(self._say(key, lang), "function", tool, **args)
        yield _offer(self._say("surprise", lang), "function", "discover_interests")
        yield _offer(self._say("trending", lang), "hotspot", "get_trending")

    def _by_hour(self, pbox: PBox, hour: int, lang: Lang) -> Iterable[Offer]:
        if pbox.of(Factor.SCENE) or pbox.of(Factor.MOOD):
            return
        scene = "bedtime" if hour >= 21 or hour < 5 else "commute" if hour in (7, 8, 9, 17, 18) else "housework"
        moods = ("calm", "healing") if scene == "bedtime" else ("funny", "uplifting")
        label = self._catalogue.words.scenes.label(scene, lang)
        text = self._say("scene", lang, scene=label.lower())
        yield _offer(text, "moment", "update_scene_preference", scene=label, weight=0.8, duration="session")
        for mood in moods:
            name = self._catalogue.words.moods.label(mood, lang)
            text = self._say("mood", lang, mood=name.lower())
            yield _offer(text, "moment", "update_mood_preference", mood=name, weight=0.8, duration="session")


def _offer(text: str, source: str, tool: str, **args: Any) -> Offer:
    return Offer(text, ({"name": tool, "args": args},), source)
