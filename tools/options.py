"""Answers to tap for a question that the assistant asks, built from what the catalogue really holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from catalog.catalogue import Catalogue
from prompts.texts import Texts
from recommend.request import UiLanguage
from tools.context import Option, Topic
from tools.items import call

MOST = 6
LENGTHS = ("short", "medium", "long", "any")
WAYS_ON = ("recommend", "get_trending", "discover_interests")
"""Tools that always help when a wish is unclear."""


def options_for(
    topic: Topic, shown: Sequence[str], catalogue: Catalogue, texts: Texts, lang: UiLanguage
) -> tuple[Option, ...]:
    """Up to six answers to the question about `topic`; none of them needs a model."""
    match topic:
        case "category":
            return _categories(catalogue, lang)
        case "mood":
            slugs = _commonest(slug for item in catalogue.items for slug in item.moods)
            moods = catalogue.words.moods
            return tuple(_term("update_mood_preference", "mood", moods.label(slug, lang)) for slug in slugs)
        case "scene":
            slugs = _commonest(slug for item in catalogue.items for slug in item.scenes)
            scenes = catalogue.words.scenes
            return tuple(_term("update_scene_preference", "scene", scenes.label(slug, lang)) for slug in slugs)
        case "length":
            return tuple(
                Option(text=texts.say(f"replies.length.{word}", lang), calls=(call("set_length", length=word),))
                for word in LENGTHS
            )
        case "item" if shown:
            titles = [catalogue.item(item_id).title for item_id in shown[:MOST] if item_id in catalogue.row]
            return tuple(Option(text=title, calls=(call("item_details", item=title),)) for title in titles)
        case _:
            return tuple(Option(text=texts.say(f"replies.way.{way}", lang), calls=(call(way),)) for way in WAYS_ON)


def _categories(catalogue: Catalogue, lang: UiLanguage) -> tuple[Option, ...]:
    taxonomy = catalogue.words.taxonomy
    roots = _commonest(path.partition("/")[0] for item in catalogue.items for path in item.categories)
    labels = [taxonomy.label(root, lang) for root in roots]
    return tuple(
        Option(text=label, calls=(call("update_interest_weight", category=label, weight_increase=0.3),))
        for label in labels
    )


def _term(tool: str, argument: str, label: str) -> Option:
    return Option(text=label, calls=(call(tool, **{argument: label}, weight=0.8),))


def _commonest(words: Iterable[str]) -> list[str]:
    return [word for word, _ in Counter(words).most_common(MOST)]
