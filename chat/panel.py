"""The PBox in plain words: what is set, where it comes from, and how long it stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from catalog.catalogue import Catalogue
from chat.view import Param
from prompts.texts import Texts
from recommend.pbox import BOUNDS, Entry, Factor, PBox
from tools.words import phrased_entries

Lang = Literal["en", "zh"]
SWITCHES = frozenset({Factor.BLOCK, Factor.LENGTH, Factor.LANGUAGE, Factor.REPEATS})


class PanelWriter:
    """Writes the panel's rows for one catalogue."""

    def __init__(self, catalogue: Catalogue, texts: Texts) -> None:
        self._catalogue, self._texts = catalogue, texts

    def params(self, pbox: PBox, turn_ids: Sequence[str], now: datetime, lang: Lang) -> tuple[Param, ...]:
        """One row a wish, newest first. `turn_ids`: the user's last turns, newest first."""
        newest_first = sorted(pbox.entries, key=lambda entry: entry.set_at, reverse=True)
        rows = [entry for entry in newest_first if pbox.of_one_wish(entry)[0] == entry]
        return tuple(self._param(pbox.of_one_wish(entry), turn_ids, now, lang) for entry in rows)

    def _param(self, wish: Sequence[Entry], turn_ids: Sequence[str], now: datetime, lang: Lang) -> Param:
        entry = wish[0]
        low, high = BOUNDS.get(entry.factor, (-1.0, 1.0))
        is_switch = entry.factor in SWITCHES or entry.hardness == "hard"
        return Param(
            factor=entry.factor.value,
            key=entry.key,
            label=phrased_entries(wish, self._texts, self._catalogue, lang),
            kind="switch" if is_switch else "slider",
            value=round(entry.value, 2),
            low=low,
            high=high,
            origin=self._origin(entry, turn_ids, lang),
            expiry=self._expiry(entry, lang),
            change_id=entry.change_id,
        )

    def _origin(self, entry: Entry, turn_ids: Sequence[str], lang: Lang) -> str:
        if entry.source != "chat":
            return self._texts.say(f"view.from_{entry.source}", lang)
        if entry.turn_id not in turn_ids:
            return self._texts.say("view.from_chat", lang, day=f"{entry.set_at:%Y-%m-%d}")
        ago = list(turn_ids).index(entry.turn_id)
        return self._texts.say("view.turns_ago", lang, n=ago) if ago else self._texts.say("view.just_now", lang)

    def _expiry(self, entry: Entry, lang: Lang) -> str:
        if entry.scope == "session":
            return self._texts.say("view.this_session", lang)
        if entry.half_life_days:
            return self._texts.say("view.fading", lang, days=round(entry.half_life_days * 2))
        return self._texts.say("view.until_undone", lang)
