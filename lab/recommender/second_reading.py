"""Requests that nothing was trained on, and what a second reading of a list gains on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.metrics import ndcg, over_users, recall
from lab.recommender.crossencoder_lessons import wishes
from lab.recommender.narrative_requests import narratives

MEASURES = {
    "ndcg@10": lambda ranked, right: ndcg(ranked, right, 10),
    "recall@6": lambda ranked, right: recall(ranked, right, 6),
    "recall@10": lambda ranked, right: recall(ranked, right, 10),
}
HEADING = "                        search                    read again               gain"


@dataclass(frozen=True)
class Question:
    """A request and the ids that are right for it."""

    text: str
    lang: str
    right: frozenset[str]


@dataclass(frozen=True)
class Reread:
    """A question with the ids as the search ordered them, and as the second reader did."""

    question: Question
    before: Sequence[str]
    after: Sequence[str]


def questions_of(narrative: str | None) -> list[Question]:
    """Part "test" of requests.jsonl (demonstration), or this part of narrative.jsonl (goodbooks)."""
    if narrative:
        return [Question(n.request, n.lang, n.wanted) for n in narratives(narrative)]
    return [Question(w.request, w.lang, frozenset(w.relevant)) for w in wishes() if w.part == "test"]


def table(found: Sequence[Reread]) -> Iterator[str]:
    """A line for each language and measure: before, after and paired gain, with 95 % intervals over requests."""
    groups = {
        "all": list(found),
        **{lang: [one for one in found if one.question.lang == lang] for lang in ("en", "zh")},
    }
    for name, group in groups.items():
        for measure, value in MEASURES.items() if group else ():
            before = [value(list(one.before), one.question.right) for one in group]
            after = [value(list(one.after), one.question.right) for one in group]
            gain = [new - old for new, old in zip(after, before, strict=True)]
            cells = [over_users(column) for column in (before, after, gain)]
            told = "".join(f"   {e.mean:+.3f} [{e.low:+.3f}, {e.high:+.3f}]" for e in cells)
            yield f"{name:4} {len(group):4}  {measure:10}{told}"
