"""Variants of labelled utterances whose labels stay true: other names, numbers, contexts, casing, typos, joints."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from chat.llm.context import Context
from chat.llm.lexicon import lines
from lab.understanding.corpus import Call, Record
from lab.understanding.vocabulary import is_cjk

_SLOTS = {
    ("update_interest_weight", "category"): "category",
    ("update_mood_preference", "mood"): "mood",
    ("update_scene_preference", "scene"): "scene",
    ("get_trending", "category"): "category",
    ("search_catalog", "query"): "query",
}
LISTED = 0.6
"""Share of utterances without a context that get a list on the screen: in the chat there nearly always is one."""
DISCUSSED = 0.25
"""Share of utterances that do not depend on it which are said while one of the titles shown is under discussion."""
_BLOCKS = frozenset({"block_content", "unblock_content"})
_BLOCKED = {"tag": "blocked", "category": "blocked category"}
LONG = 0.2
"""Share of the lengths drawn that run to several hours: in minutes, few of the corpus do."""
HOURS = 0.5
"""Share of lengths of an hour and more that are said in hours, where only minutes were said."""
LIBRARY = 1500
Pools = dict[tuple[str, str], list[str]]


def slot(name: str, arg: str, args: dict) -> str | None:
    """The pool that an argument's names may be swapped within.

    Blocked words have one of their own: a mood is blocked as a tag ("nothing sad"), and is none where it is liked.
    So have blocked genres, which are none but those that were said: 恐怖 is liked as a genre and blocked as a tag.
    """
    if arg == "name" and name in _BLOCKS and args["kind"] in _BLOCKED:
        return _BLOCKED[args["kind"]]
    if arg == "name":
        return "title" if args["kind"] == "item" else args["kind"]
    return "title" if arg == "item" else _SLOTS.get((name, arg))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and not value.isdigit() and value not in ("last", "this")


def corpus_pools(records: Iterable[Record]) -> Pools:
    """Names of each language and kind in the training records."""
    pools: Pools = defaultdict(list)
    for record in records:
        for name, args in record.readings[0]:
            for arg, value in args.items():
                kind = slot(name, arg, args)
                if kind and _is_name(value) and len(value) <= 40:
                    pools[record.lang, kind].append(value)
        pools[record.lang, "title"] += record.context.shown
    return pools


def catalogue_pools(folder: Path) -> Pools:
    """Names of the demonstration catalogue: titles, people, series, tags, categories, moods, scenes."""
    pools: Pools = defaultdict(list)
    for path in sorted(folder.glob("items/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            found = {
                "title": [item["title"]],
                "author": [item["author"]],
                "narrator": [item["narrator"]],
                "series": [item["series"]],
                "tag": item["tags"],
            }
            for kind, names in found.items():
                for name in filter(None, names):
                    pools["zh" if any(map(is_cjk, name)) else "en", kind].append(str(name))
    for file, kind in (("taxonomy", "category"), ("moods", "mood"), ("scenes", "scene")):
        for line in (folder / f"{file}.txt").read_text(encoding="utf-8").splitlines():
            parts = [part.strip() for part in line.split("|")]
            if line.startswith("#") or len(parts) < 3:
                continue
            names = [parts[1].lower(), parts[2], *(a.strip() for a in ",".join(parts[3:]).split(",") if a.strip())]
            for name in names:
                pools["zh" if any(map(is_cjk, name)) else "en", kind].append(name)
    return pools


def library_pools(data: Path, seed: int = 0) -> Pools:
    """Names of real books: titles, authors and series of goodbooks, authors and readers of LibriVox.

    At most LIBRARY of each kind, so that they do not outweigh the corpus; nothing where the files are absent.
    """
    names: dict[str, set[str]] = {"title": set(), "author": set(), "narrator": set(), "series": set()}
    for row in _rows(data / "goodbooks10k/books.csv"):
        if row["language_code"].startswith("en"):
            title, _, series = row["title"].partition(" (")
            names["title"].add(title)
            names["author"].add(row["authors"].split(",")[0])
            if "#" in series:
                names["series"].add(series.partition("#")[0].rstrip(" ,"))
    for row in _rows(data / "librivox/librivox_books.csv"):
        names["author"].add(row["author"])
        names["narrator"].add(row["reader_names"].split(",")[0])
    rng, pools = random.Random(seed), {}
    for kind, found in names.items():
        fit = sorted(name for name in found if 3 <= len(name) <= 40 and name.isprintable() and "(" not in name)
        pools["en", kind] = rng.sample(fit, min(LIBRARY, len(fit)))
    return pools


def name_pools() -> Pools:
    """Names of the product's lexicon, which teach what no sentence tells: who writes and who speaks."""
    pools: Pools = defaultdict(list)
    for lang, kind, name in lines():
        pools[lang, kind].append(name)
    return pools


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def merged(*pools: Pools) -> Pools:
    """All pools together."""
    return {key: [name for pool in pools for name in pool.get(key, [])] for key in {k for pool in pools for k in pool}}


def _swap_names(record: Record, calls: list[Call], pools: Pools, rng: random.Random) -> Record:
    utterance, shown, about = record.utterance, list(record.context.shown), record.context.about
    swapped: dict[str, str] = {}
    for name, args in calls:
        for arg, value in list(args.items()):
            kind = slot(name, arg, args)
            if not kind or not _is_name(value) or _is_part(value, shown) or _bare(value, utterance):
                continue
            if value in swapped:
                args[arg] = swapped[value]
                continue
            pool = pools.get((record.lang, kind))
            pattern = re.escape(value) if record.lang == "zh" else rf"(?<!\w){re.escape(value)}(?!\w)"
            found = list(re.finditer(pattern, utterance, re.I))
            if not pool or len(found) != 1 or rng.random() < 0.35 or any(value in other for other in swapped.values()):
                continue
            new = rng.choice(pool)
            if len(new) > 50 or any(new.lower() in old.lower() or old.lower() in new.lower() for old in swapped):
                continue
            shown = [new if title.lower() == value.lower() else title for title in shown]
            about = new if about and about.lower() == value.lower() else about
            if found[0].group().islower():
                new = new.lower()
            utterance = utterance[: found[0].start()] + new + utterance[found[0].end() :]
            args[arg] = swapped[value] = new
    context = record.context.model_copy(update={"shown": tuple(shown), "about": about})
    return record._replace(utterance=utterance, context=context)


def _is_part(value: str, shown: Sequence[str]) -> bool:
    """Whether a name is a part of a title shown: another name would leave nobody knowing which one is meant."""
    return any(value.lower() in title.lower() and value.lower() != title.lower() for title in shown)


def _bare(value: str, utterance: str) -> bool:
    """Whether nothing but the name is said: what a bare name means depends on what it names."""
    return value.lower() == utterance.lower().strip(" .!?。！？~…")


def _swap_number(record: Record, calls: list[Call], rng: random.Random) -> Record:
    for _, args in calls:
        for arg in ("max_minutes", "min_minutes"):
            value = args.get(arg)
            if not value or len(calls) > 2 or "min_minutes" in args and "max_minutes" in args:
                continue
            found = re.findall(rf"(?<!\d){value}(?= ?-?(?:min|m\b|分))", record.utterance)
            if len(found) == 1:
                new = args[arg] = _minutes(rng)
                whole = rf"(?<!\d){value} ?(?:minutes|mins?|分钟)(?![a-z-])"
                if new >= 60 and rng.random() < HOURS and re.search(whole, record.utterance):
                    return record._replace(utterance=re.sub(whole, in_hours(new, record.lang, rng), record.utterance))
                text = re.sub(rf"(?<!\d){value}(?= ?-?(?:min|m\b|分))", str(new), record.utterance)
                return record._replace(utterance=text)
    return record


def _minutes(rng: random.Random) -> int:
    if rng.random() < LONG:
        return rng.randrange(100, 301, 5)
    return rng.choice([rng.randint(2, 59), rng.randrange(5, 100, 5)])


def in_hours(minutes: int, lang: str, rng: random.Random) -> str:
    """A length of an hour and more as it is said in hours: "1 hour 30 minutes", "1.5 hours"."""
    hours, rest = divmod(minutes, 60)
    decimal = rest == 30 and rng.random() < 0.5
    if lang == "zh":
        return f"{hours}.5小时" if decimal else f"{hours}小时" + (f"{rest}分钟" if rest else "")
    if decimal:
        return f"{hours}.5 hours"
    return f"{hours} hour{'s' * (hours > 1)}" + (f" {rest} minutes" if rest else "")


def _swap_titles(record: Record, calls: list[Call], pools: Pools, rng: random.Random) -> Record:
    context, said = record.context, record.utterance.lower()
    named = {str(value).lower() for _, args in calls for value in args.values()}
    meant = _meant(calls, len(context.shown))
    shown = list(context.shown)
    titles = pools[record.lang, "title"]
    for at, title in enumerate(shown):
        words = [w for w in re.findall(r"[\u4e00-\u9fff]{2}|\w{4,}", title.lower()) if w in said]
        kept = at in meant or title.lower() in named or bool(words) or title == context.about
        if not kept and rng.random() < 0.6:
            shown[at] = rng.choice(titles)
    if not shown and not context.asked and not context.about and rng.random() < LISTED:
        if not any(name == "ask_clarification" for name, _ in calls):
            shown = rng.sample(titles, rng.choice((3, 4, 5, 6, 6, 6)))
    return record._replace(context=context.model_copy(update={"shown": tuple(shown)}))


def _meant(calls: Iterable[Call], shown: int) -> set[int]:
    """Which titles of a list are labelled by their place: the words may describe them ("the one about Rome")."""
    items = [item for _, args in calls for item in (args.get("item"), args.get("name"), *args.get("items", ()))]
    return {int(item) - 1 for item in items if item and item.isdigit()} | ({shown - 1} if "last" in items else set())


_LEANS = frozenset({"ask_clarification", "explain_recommendation"})
"""Tools whose call may mean the item under discussion without naming it."""


def discussable(record: Record) -> bool:
    """Whether a list is shown, and the utterance means the same when one of its titles is under discussion."""
    context, calls = record.context, [call for reading in record.readings for call in reading]
    leans = any(name in _LEANS or "this" in args.values() for name, args in calls)
    return bool(context.shown) and not (context.asked or context.about or leans)


def discussed(record: Record, rng: random.Random) -> Record:
    """The same utterance, said while one of the titles shown is under discussion."""
    about = rng.choice(record.context.shown)
    return record._replace(context=record.context.model_copy(update={"about": about}))


def _roughen(text: str, keep: set[str], rng: random.Random) -> str:
    """Lower case, lost punctuation, a slip of the keyboard in a word that is no copied name."""
    if rng.random() < 0.2:
        text = text.lower()
    if rng.random() < 0.2:
        text = text.rstrip(".!?。！？~…")
    if rng.random() < 0.08:
        text = re.sub(r"[,，.。](?=\s|[\u4e00-\u9fff])", " ", text)
    if rng.random() < 0.12:
        words = [m for m in re.finditer(r"[a-z]{4,}", text) if not any(m.group() in name for name in keep)]
        if words:
            word = rng.choice(words)
            at = word.start() + rng.randint(1, len(word.group()) - 2)
            text = (
                text[:at]
                + rng.choice([text[at + 1] + text[at], text[at] * 2, ""])
                + text[at + (2 if rng.random() < 0.4 else 1) :]
            )
    return text or "?"


_JOINTS = {
    "en": (", and ", ". ", ", ", "; ", " and ", " also ", ". oh and ", ", plus ", " - "),
    "zh": ("，", "。", "，还有", "，另外", "，然后", "，再", " ", "；"),
}
_STOPS = {"en": (". ", "; ", ". oh and "), "zh": ("。", "；")}
"""What follows something unwanted: after "and", what comes next would be unwanted too."""
_ALONE = frozenset({"ask_clarification", "recommend"})
_TAKES_BACK = frozenset({"undo_last_change", "reset_preferences"})


def joinable(record: Record) -> bool:
    """Whether the utterance is short, speaks of nothing on the screen, and may stand beside another in one sentence."""
    calls = record.readings[0]
    room = 24 if record.lang == "zh" else 60
    return (
        record.context == Context()
        and 1 <= len(calls) <= 2
        and len(record.utterance) <= room
        and not any(name in _ALONE for name, _ in calls)
    )


def joined(first: Record, second: Record, rng: random.Random) -> Record:
    """Two joinable utterances of one language said in one breath; their calls in the order of the words.

    The first alone where the second takes something back: said after a wish, it would take back that wish.
    """
    if takes_back(second):
        return first
    start, end = first.utterance.rstrip(" .!?。！？~…,，"), second.utterance
    names = [str(value) for _, args in second.readings[0] for value in args.values()]
    if re.match(r"[A-Z][a-z]", end) and not any(name.startswith(end[:2]) for name in names):
        end = end[0].lower() + end[1:]
    joints = _STOPS if _unwanted(first.readings[0][-1]) else _JOINTS
    text = start + rng.choice(joints[first.lang]) + end
    return first._replace(utterance=text, readings=((*first.readings[0], *second.readings[0]),))


def takes_back(record: Record) -> bool:
    """Whether the utterance undoes what was said before it."""
    return any(name in _TAKES_BACK for name, _ in record.readings[0])


def _unwanted(call: Call) -> bool:
    name, args = call
    return name == "block_content" or args.get("weight", args.get("weight_increase", 0.0)) < 0.0


def augment(record: Record, pools: Pools, rng: random.Random) -> Record:
    """A variant of `record` with its main reading only, labels adjusted along with the text."""
    calls: list[Call] = [(name, dict(args)) for name, args in record.readings[0]]
    changed = record
    if rng.random() < 0.7:
        changed = _swap_names(changed, calls, pools, rng)
        changed = _swap_number(changed, calls, rng)
    changed = _swap_titles(changed, calls, pools, rng)
    if discussable(changed) and rng.random() < DISCUSSED:
        changed = discussed(changed, rng)
    names = {str(v).lower() for _, args in calls for v in args.values() if _is_name(v)}
    return changed._replace(utterance=_roughen(changed.utterance, names, rng), readings=(tuple(calls),))
