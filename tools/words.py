"""A change of a parameter in plain words: "more history", "no horror", "finished only", "up to 30 min".

The same phrases serve the reply, the visible tool steps and the panel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from catalog.catalogue import Catalogue
from catalog.formats import format_word
from catalog.spelling import contains, form, is_chinese
from db.pbox import Applied
from prompts.texts import Texts
from recommend.amounts import duration
from recommend.pbox import LENGTH_WORDS, Entry, Factor
from tools.titles import title_in

Lang = Literal["en", "zh"]

SLIGHT = 0.2
"""A step up to this size is "a bit"."""
STRONG = 0.5
"""A step from this size up is "much"."""

MOST_NAMED = 3
"""So many categories of one block are named."""

COMMA: dict[Lang, str] = {"en": ", ", "zh": "、"}
OR: dict[Lang, str] = {"en": " or ", "zh": "还是"}
TITLED: dict[Lang, str] = {"en": "“{}”", "zh": "《{}》"}


class Saying(NamedTuple):
    """What is to be put into words: the parameter, its value, and the step that led to it."""

    factor: Factor
    key: str
    said: str
    value: float
    step: float


def describe(applied: Applied, texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    """What a change did, from the value before to the value after."""
    if applied.after is None:
        return _cleared(applied, texts, catalogue, lang)
    before = applied.before or 0.0
    step = applied.after if before * applied.after < 0 else applied.after - before or applied.after
    saying = Saying(applied.factor, applied.key, applied.said, applied.after, step)
    return _phrase(saying, texts, catalogue, lang)


def describe_entry(entry: Entry, texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    """What a parameter stands for as it is now."""
    saying = Saying(entry.factor, entry.key, entry.said, entry.value, entry.value)
    return _phrase(saying, texts, catalogue, lang)


def phrased(changes: Iterable[Applied], texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    """Several changes in one line."""
    return _once(telling(changes), texts, catalogue, lang)


def phrased_entries(entries: Iterable[Entry], texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    """Several parameters in one line."""
    return _once(entries, texts, catalogue, lang)


def telling(changes: Iterable[Applied]) -> list[Applied]:
    """Without what only gave way to another one of the same changes: bounds, languages, likings of what is blocked.

    A block that was made and lifted at once is none; one that was narrowed is the narrower one.
    """
    made = list(changes)
    lifted = {change.key for change in made if change.factor == Factor.BLOCK and change.after is None}
    passing = {c.key for c in made if c.factor == Factor.BLOCK and c.after is not None and c.before is None} & lifted
    made = [change for change in made if change.factor != Factor.BLOCK or change.key not in passing]
    set_now = [change for change in made if change.after is not None]
    narrower = {change.said for change in set_now if change.factor == Factor.BLOCK and change.said}
    made = [c for c in made if c.after is not None or c.factor != Factor.BLOCK or c.said not in narrower]
    settled = {change.factor for change in set_now} & {Factor.LENGTH, Factor.LANGUAGE}
    blocked = {change.key for change in set_now if change.factor == Factor.BLOCK}
    return [
        change
        for change in made
        if change.after is not None
        or (change.factor not in settled and block_of(change.factor, change.key) not in blocked)
    ]


def block_of(factor: Factor, key: str) -> str | None:
    """The key of a block of the very thing that a liking is of; None for what cannot be liked."""
    before = {Factor.CATEGORY: "category:", Factor.ENTITY: "", Factor.MOOD: "tag:"}.get(factor)
    return None if before is None else before + key


def as_made(undone: Iterable[Applied]) -> tuple[Applied, ...]:
    """Changes that were taken back, turned round: as they were when they were made, to say what was taken back."""
    turned = (change.model_copy(update={"before": change.after, "after": change.before}) for change in undone)
    return tuple(change for change in turned if (change.before, change.after) != (None, None))


def undone_in_words(
    undone: Iterable[Applied], item_ids: Collection[str], texts: Texts, catalogue: Catalogue, lang: Lang
) -> str:
    """What an undo took back: changes, and feedback on items."""
    told = [phrased(as_made(undone), texts, catalogue, lang)]
    if item_ids:
        names = (name_of(Factor.BLOCK, f"item:{item_id}", "", catalogue, lang) for item_id in item_ids)
        told.append(texts.say("replies.feedback_on", lang, what=joined(names, lang)))
    return joined(filter(None, told), lang)


def joined(phrases: Iterable[str], lang: Lang) -> str:
    """Phrases with commas between them, each once."""
    return COMMA[lang].join(dict.fromkeys(phrases))


def titled(titles: Iterable[str], lang: Lang) -> str:
    """Titles in the marks of the language, with commas between them."""
    return joined((TITLED[lang].format(title) for title in titles), lang)


def either(names: Iterable[str], lang: Lang) -> str:
    """Names of which one is meant: “A”, “B” or “C”."""
    *first, last = (f"“{name}”" for name in dict.fromkeys(names))
    return f"{joined(first, lang)}{OR[lang]}{last}" if first else last


def name_of(factor: Factor, key: str, said: str, catalogue: Catalogue, lang: Lang) -> str:
    """The label of what a parameter is about, with the user's own word where it is another one."""
    kind, _, rest = key.partition(":")
    if factor == Factor.CATEGORY:
        return _with_said(catalogue.words.taxonomy.label(key, lang), said, lang)
    if factor == Factor.MOOD:
        return _with_said(catalogue.words.moods.label(key, lang).lower(), said, lang)
    if factor == Factor.SCENE:
        return _with_said(catalogue.words.scenes.label(key, lang).lower(), said, lang)
    if kind == "category":
        return _with_said(catalogue.words.taxonomy.label(rest, lang), said, lang)
    if kind == "item":
        title = title_in(catalogue.item(rest), lang) if rest in catalogue.row else rest
        return TITLED[lang].format(title)
    if kind == "tag" and said and is_chinese(said) == (lang == "zh"):
        return said
    if kind == "tag":
        return format_word(rest, lang)
    return catalogue.words.people.label(rest, lang) if rest else key


def _once(told: Iterable[Applied | Entry], texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    """Each in its words. Blocks that came from the same words are one: "nothing scary" takes a theme and a category."""
    wishes: dict[str, list[Applied | Entry]] = {}
    for about in told:
        gone = isinstance(about, Applied) and about.after is None
        own = f"{gone} {about.said}" if about.factor == Factor.BLOCK and about.said else f"{about.factor} {about.key}"
        wishes.setdefault(own, []).append(about)
    return joined((_of_one(wish, texts, catalogue, lang) for wish in wishes.values()), lang)


def _of_one(wish: Sequence[Applied | Entry], texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    first = wish[0]
    if len(wish) == 1 or not first.key.startswith("category:"):
        return _told(first, texts, catalogue, lang)
    labels = [name_of(Factor.BLOCK, one.key, "", catalogue, lang) for one in wish]
    name = COMMA[lang].join(labels[:MOST_NAMED]) + ("…" if len(labels) > MOST_NAMED else "")
    if first.said and is_chinese(first.said) == (lang == "zh"):
        name = f"{first.said}（{name}）" if lang == "zh" else f"{first.said} ({name})"
    gone = isinstance(first, Applied) and first.after is None
    return texts.say(f"replies.{'cleared' if gone else 'set'}.block", lang, name=name)


def _told(about: Applied | Entry, texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    told = describe if isinstance(about, Applied) else describe_entry
    return told(about, texts, catalogue, lang)  # pyright: ignore[reportArgumentType]


def _with_said(label: str, said: str, lang: Lang) -> str:
    mine, theirs = form(said), form(label)
    if not mine or is_chinese(said) != (lang == "zh") or mine == theirs or contains(theirs, mine) or mine in theirs:
        return label
    return f"{said}（{label}）" if lang == "zh" else f"{said} ({label})"


def _cleared(applied: Applied, texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    if applied.factor in _NAMED:
        name = name_of(applied.factor, applied.key, applied.said, catalogue, lang)
        key = "block" if applied.factor == Factor.BLOCK else "named"
        return texts.say(f"replies.cleared.{key}", lang, name=name)
    key = f"length_{applied.key}" if applied.factor == Factor.LENGTH else applied.factor
    return texts.say(f"replies.cleared.{key}", lang)


def _phrase(saying: Saying, texts: Texts, catalogue: Catalogue, lang: Lang) -> str:
    factor = saying.factor
    if factor in _NAMED:
        name = name_of(factor, saying.key, saying.said, catalogue, lang)
        return texts.say(f"replies.set.{_named_key(saying)}", lang, name=name)
    if factor == Factor.LENGTH:
        key = "longest" if saying.key == "max" else "shortest"
        # A word ("short") leans to its bounds; minutes that were said are kept to.
        soft = "_soft" if saying.said in LENGTH_WORDS else ""
        return texts.say(f"replies.set.{key}{soft}", lang, length=duration(saying.value, lang))
    if factor == Factor.LANGUAGE:
        return texts.say(f"replies.set.language_{saying.key}", lang)
    return texts.say(f"replies.set.{factor}_{_side(factor, saying.value)}", lang)


def _named_key(saying: Saying) -> str:
    match saying.factor:
        case Factor.BLOCK:
            return "block"
        case Factor.PENALTY:
            return "less"
        case Factor.MOOD:
            return f"mood_{_degree(saying.value, 0.6, 0.9)}"
        case Factor.SCENE:
            return "scene" if saying.value >= 0 else "scene_not"
        case Factor.ENTITY if (kind := saying.key.partition(":")[0]) in ("author", "narrator", "series"):
            return f"{kind}_{'more' if saying.step >= 0 else 'less'}"
        case _:
            return _degree(saying.step, SLIGHT, STRONG)


def _degree(value: float, slight: float, strong: float) -> str:
    word = "more" if value >= 0 else "less"
    if abs(value) < slight:
        return f"bit_{word}"
    return f"much_{word}" if abs(value) >= strong else word


def _side(factor: Factor, value: float) -> str:
    if factor in _SHARES:
        return "high" if value >= 0.5 else "low"
    return "high" if value >= 0 else "low"


_NAMED = frozenset({Factor.CATEGORY, Factor.ENTITY, Factor.BLOCK, Factor.PENALTY, Factor.MOOD, Factor.SCENE})
_SHARES = frozenset({Factor.NOVELTY, Factor.DIVERSITY, Factor.QUALITY, Factor.PRICE_SENSITIVITY})
