"""Explanation: from a candidate's claims to one sentence in the listener's language.

True by construction: a sentence is made only of claims, and a claim exists only with its evidence.
"""

from __future__ import annotations

from prompts.texts import Texts
from recommend.claims import Claim, claims
from recommend.reading import Reading
from recommend.request import Candidate, Card, Reason

MOST_CLAIMS, MOST_WISHES = 2, 3
LEAST_WEIGHT = 0.2
"""A claim below this is said only when there is no other."""


def explain(reading: Reading, chosen: list[Candidate], texts: Texts) -> tuple[Card, ...]:
    """The finished cards: each candidate in its place with its reason."""
    return tuple(
        Card(position=place, candidate=candidate, reason=reason(reading, candidate, texts))
        for place, candidate in enumerate(chosen, start=1)
    )


def reason(reading: Reading, candidate: Candidate, texts: Texts) -> Reason:
    """Why this candidate is on the list."""
    lang = reading.request.ui_language
    told = _told(claims(reading, candidate))
    parts = [texts.say(claim.text, lang, **claim.values) for claim in told]
    text = texts.say("reasons.sentence", lang, parts=parts)
    evidence = dict.fromkeys(mark for claim in told for mark in claim.evidence)
    return Reason(text=text[:1].upper() + text[1:], evidence=tuple(evidence))


def _told(found: list[Claim]) -> list[Claim]:
    """The weightiest claims, at most one of each text."""
    distinct = list({claim.text: claim for claim in reversed(found)}.values())[::-1]
    wishes = sum(claim.wished for claim in distinct[:MOST_WISHES])
    most = MOST_WISHES if wishes == MOST_WISHES else MOST_CLAIMS
    first, *others = distinct
    return [first, *(claim for claim in others[: most - 1] if claim.weight >= LEAST_WEIGHT)]
