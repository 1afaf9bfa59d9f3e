"""Rules of reading with second thoughts: never worse by its own measure, every branch valid, the same each time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

import chat.llm.readings as readings
from chat.llm.context import Context, layout
from chat.llm.dsl import Grammar, Source
from chat.llm.ensemble import Ensemble, decoder_files
from chat.llm.prefix import PrefixEncoder
from chat.llm.readings import Cancelled, Written, best_reading
from chat.llm.understanding import WEIGHTS

TEXTS = (
    "love 1, skip 2, and less politics please",
    "别放恐怖的，睡前想听点治愈的，半小时以内",
    "anything by that Nigerian lady, Adichie, but read by a man",
    "嗯",
)


class Reader:
    """The shipped model, read with a given number of branches."""

    def __init__(self) -> None:
        self.encoder, self.decoder = PrefixEncoder(WEIGHTS, 1), Ensemble.load(decoder_files(WEIGHTS), 1)

    def read(self, text: str, context: Context) -> Written:
        place = layout(text, context)
        coded, prefixes, cues = self.encoder.encode(place.text)
        self.decoder.start(prefixes)
        source = Source.of(place, coded.offsets, len(context.shown))
        return best_reading(self.decoder, source, cues, lambda: False)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    found = Reader()
    yield found
    found.decoder.close()


@pytest.mark.parametrize("text", TEXTS)
def test_a_reading_with_second_thoughts_is_never_less_likely(
    reader: Reader, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(shown=("Dune", "三体", "Emma"))
    monkeypatch.setattr(readings, "BRANCHES", 0)
    greedy = reader.read(text, context)
    monkeypatch.setattr(readings, "BRANCHES", 4)
    monkeypatch.setattr(readings, "DOUBT", math.inf)
    thought = reader.read(text, context)
    assert thought.worth >= greedy.worth - 1e-4
    assert len(thought.tokens) == len(thought.scores) == len(thought.rivals)


@pytest.mark.parametrize("text", TEXTS)
def test_a_branch_reads_as_if_it_had_been_written_from_the_start(reader: Reader, text: str) -> None:
    context = Context(shown=("Dune", "三体", "Emma"))
    whole = reader.read(text, context)
    place = layout(text, context)
    coded, prefixes, cues = reader.encoder.encode(place.text)
    source = Source.of(place, coded.offsets, len(context.shown))
    again = Grammar(source)
    reader.decoder.start(prefixes)
    for before, token, score in zip([readings.BOS, *whole.tokens], whole.tokens, whole.scores, strict=False):
        logits = reader.decoder.step(before)[again.allowed] + cues.bonus(again)
        place_of = again.allowed.index(token)
        logits = logits - logits.max()
        assert float(logits[place_of] - math.log(sum(math.exp(x) for x in logits))) == pytest.approx(score, abs=2e-3)
        again.push(token)
    assert again.done and again.calls == whole.grammar.calls


def test_only_steps_in_doubt_are_tried_the_other_way_the_last_first() -> None:
    written = Written(
        Grammar(Source("", [], [], 0)),
        tokens=[5, 6, 7, 8],
        scores=[-0.1, -0.7, -0.6, -0.01],
        rivals=[(-2.0, 1), (-0.8, 1), (-0.9, 1), (-math.inf, -1)],
    )
    assert written.doubts == [2, 1]


def test_a_cancelled_branch_ends_the_reading(reader: Reader) -> None:
    place = layout(TEXTS[0], Context())
    coded, prefixes, cues = reader.encoder.encode(place.text)
    reader.decoder.start(prefixes)
    asked = iter([False] * 3)
    with pytest.raises(Cancelled):
        best_reading(reader.decoder, Source.of(place, coded.offsets, 0), cues, lambda: next(asked, True))
