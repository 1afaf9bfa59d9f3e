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
    told = _told(claims(reading, candidate))
    evidence = dict.fromkeys(mark for claim in told for mark in claim.evidence)
    return Reason(text=_sentence(reading, told, texts), evidence=tuple(evidence))


def retold(reading: Reading, card: Card, texts: Texts) -> str:
    """The reason of a card that was shown, in the language of `reading`: from the same evidence, where it still holds.

    reading: of the request that brought the card.
    """
    row = reading.catalogue.row[card.candidate.item_id]  # the catalogue may have changed since
    found = claims(reading, card.candidate.model_copy(update={"row": row}))
    same = [claim for claim in found if set(claim.evidence) <= set(card.reason.evidence)]
    return _sentence(reading, _told(same or found), texts)


def _sentence(reading: Reading, told: list[Claim], texts: Texts) -> str:
    lang = reading.request.ui_language
    parts = [texts.say(claim.text, lang, **claim.values) for claim in told]
    text = texts.say("reasons.sentence", lang, parts=parts)
    return text[:1].upper() + text[1:]


def _told(found: list[Claim]) -> list[Claim]:
    """The weightiest claims, at most one of each text. found: weightiest first."""
    heaviest: dict[str, Claim] = {}
    for claim in found:
        heaviest.setdefault(claim.text, claim)
    distinct = list(heaviest.values())
    wishes = sum(claim.wished for claim in distinct[:MOST_WISHES])
    most = MOST_WISHES if wishes == MOST_WISHES else MOST_CLAIMS
    first, *others = distinct
    return [first, *(claim for claim in others[: most - 1] if claim.weight >= LEAST_WEIGHT)]
