"""An item of a slate as a card: the record in the reader's words, nothing that the record does not hold."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from catalog.catalogue import Catalogue
from catalog.items import Item
from catalog.languages import language_name
from chat.view import CardView
from prompts.texts import Texts
from recommend.amounts import duration

Lang = Literal["en", "zh"]
AUTHORED = frozenset({"audiobook", "radio_drama"})


class CardWriter:
    """Writes cards for one catalogue."""

    def __init__(self, catalogue: Catalogue, texts: Texts) -> None:
        self._catalogue, self._texts = catalogue, texts

    def card(self, item_id: str, position: int, reason: str, lang: Lang, signals: Collection[str] = ()) -> CardView:
        """The card of an item. `signals`: the kinds of feedback this user has given it. Raises KeyError if unknown."""
        item = self._catalogue.item(item_id)
        return CardView(
            item_id=item.id,
            position=position,
            title=item.title,
            people=self._people(item, lang),
            facts=self._facts(item, lang),
            price=self._price(item, lang),
            category=self._catalogue.words.taxonomy.label(item.category, lang),
            category_path=item.category,
            reason=reason,
            url=item.url,
            liked="like" in signals,
            disliked="dislike" in signals,
            saved="save" in signals,
        )

    def _people(self, item: Item, lang: Lang) -> str:
        parts = []
        if item.author:
            parts.append(self._texts.say("view.by", lang, author=item.author))
        if item.narrator and item.narrator != item.author:
            key = "view.read_by" if item.format in AUTHORED else "view.hosted_by"
            parts.append(self._texts.say(key, lang, narrator=item.narrator))
        return " · ".join(parts)

    def _facts(self, item: Item, lang: Lang) -> str:
        say = self._texts.say
        length = duration(item.sitting_minutes, lang)
        parts = [length]
        if item.episodic and item.episodes > 1:
            parts = [say("view.each", lang, length=length), say("view.episodes", lang, n=item.episodes)]
        parts.append(say(f"view.{item.status}", lang))
        parts.append(language_name(item.language, lang))
        if item.ratings_count:
            parts.append(say("view.rated", lang, stars=f"{item.rating:.1f}"))
        return " · ".join(parts)

    def _price(self, item: Item, lang: Lang) -> str:
        if item.access == "free":
            return self._texts.say("view.free", lang)
        return self._texts.say("view.price", lang, amount=f"{item.price:g}")
