"""Reads an utterance as tool calls, with the embedded model.

An ONNX encoder reads the text, its states become the soft prefixes of small llama decoders in llama.cpp, and these
write calls together under the grammar of `chat.llm.dsl`: every answer is a valid sequence of calls.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from chat.llm import bounds
from chat.llm.context import Context, layout, pieces
from chat.llm.dsl import MAX_CALLS, PIECES, Source
from chat.llm.ensemble import Ensemble, decoder_files
from chat.llm.lexicon import Lexicon
from chat.llm.prefix import PrefixEncoder
from chat.llm.readings import Cancelled, best_reading

WEIGHTS = Path(__file__).parent / "weights"
NOTHING = (0.0, 0.0, 0.0, 0.0)
"""The features of a reading that was not made."""
CLEAR = 0.2
"""So sure must be the reading of a piece of a long utterance for it to be more than an aside."""
PARTLY = 0.49
"""No surer is a reading that left pieces out: it is acted on visibly, and doubted."""
_SETTERS = frozenset({"set_freshness", "set_exploration", "set_popularity"})
"""The tools whose arguments stand for themselves, so that any of them may be set at once."""
_NO_ASIDE = frozenset({"reset_preferences", "undo_last_change"})
"""What nobody asks for in the middle of a story, though its words may sound like it ("redone from scratch")."""
_LOG = logging.getLogger(__name__)


class Call(BaseModel):
    """One tool call; the arguments are those of the tool contract, without the user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    args: dict[str, Any]


class Parse(BaseModel):
    """The reading of one utterance; `confidence` is the calibrated probability (0..1) that all of it is right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls: tuple[Call, ...]
    confidence: float


class Reading(NamedTuple):
    """Calls and what the confidence is computed from; `finished` is false where reading was cut short."""

    calls: tuple[Call, ...]
    features: tuple[float, ...]
    finished: bool
    partly: bool = False
    """Whether pieces of a long utterance were left out."""


def _once(calls: Iterable[Call]) -> Iterator[Call]:
    """Without repetitions, which mean nothing; "two steps back" are two calls, though."""
    seen: list[Call] = []
    for call in calls:
        if call not in seen or not call.args:
            seen.append(call)
            yield call


def joined(calls: Iterable[Call]) -> list[Call]:
    """Two calls of one setter that set different things as one: "new ones, nothing I know" sets freshness once."""
    found: list[Call] = []
    for call in calls:
        at = next((n for n, other in enumerate(found) if other.name == call.name in _SETTERS), None)
        if at is None or found[at].args.keys() & call.args.keys():
            found.append(call)
        else:
            found[at] = Call(name=call.name, args={**found[at].args, **call.args})
    return found


def calibration_of(folder: Path) -> tuple[float, ...]:
    """How the confidence of these weights is computed. Raises FileNotFoundError, or ValueError for a bad card."""
    path = folder / "model.json"
    try:
        return tuple(map(float, json.loads(path.read_text(encoding="utf-8"))["calibration"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} has no calibration: {error!r}") from error


class Understanding:
    """The embedded model. Thread-safe: readers queue on one lock. `close` frees the native memory."""

    def __init__(self, encoder: PrefixEncoder, decoder: Ensemble, calibration: tuple[float, ...]) -> None:
        self._encoder, self._decoder, self._calibration = encoder, decoder, calibration
        self._lexicon = Lexicon()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path | None = None, *, threads: int = 1) -> Understanding:
        """Loads the weights (by default the shipped ones). Raises FileNotFoundError or ValueError for bad files."""
        folder = folder or WEIGHTS
        calibration = calibration_of(folder)
        encoder, decoder = PrefixEncoder(folder, threads), Ensemble.load(decoder_files(folder), threads)
        if decoder.pieces != {len(PIECES)} or encoder.decoders != len(decoder):
            decoder.close()
            raise ValueError(
                f"{folder} holds {len(decoder)} decoders of {decoder.pieces} pieces and an encoder for "
                f"{encoder.decoders}; this version writes {len(PIECES)} pieces"
            )
        return cls(encoder, decoder, calibration)

    def close(self) -> None:
        """Frees the decoders, after the reader at work has finished."""
        with self._lock:
            self._decoder.close()

    def parse(self, utterance: str, context: Context, *, cancelled: Callable[[], bool] | None = None) -> Parse:
        """The calls that `utterance` asks for. Any text gives a parse; a cancelled one is empty, confidence 0."""
        try:
            reading = self.read(utterance, context, cancelled=cancelled)
        except Exception:  # noqa: BLE001 - no text may ever break a turn: an unread one becomes a question
            _LOG.exception("an utterance could not be read")
            return Parse(calls=(), confidence=0.0)
        if not reading.finished:
            return Parse(calls=reading.calls, confidence=0.0)
        sure = self._sureness(reading)
        return Parse(calls=reading.calls, confidence=min(sure, PARTLY) if reading.partly else sure)

    def _sureness(self, reading: Reading) -> float:
        """The calibrated probability (0..1) that all of a reading is right."""
        terms = zip(self._calibration, (1.0, *reading.features), strict=True)
        score = sum(weight * value for weight, value in terms)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))

    def read(self, utterance: str, context: Context, *, cancelled: Callable[[], bool] | None = None) -> Reading:
        """The best reading under the grammar; a long utterance is read piece by piece."""
        said = pieces(utterance.encode("utf-8", "replace").decode("utf-8"))
        return self._together([self._read(piece, context, cancelled) for piece in said])

    def _together(self, readings: Sequence[Reading]) -> Reading:
        """The readings of an utterance's pieces as one, as sure as the least likely; asides without sense left out.

        Who tells a story on the way to a wish says much that is none.
        """
        if len(readings) == 1:
            return readings[0]
        clear = [r for r in readings if self._sureness(r) >= CLEAR] or readings
        said = [call for reading in clear for call in reading.calls]
        calls = tuple(joined(_once(call for call in said if call.name not in _NO_ASIDE or len(said) == 1)))
        weakest = min(clear, key=lambda reading: reading.features[0])
        finished = all(reading.finished for reading in readings)
        partly = len(clear) < len(readings) or len(calls) > MAX_CALLS
        return Reading(calls[:MAX_CALLS], weakest.features, finished, partly)

    def _read(self, utterance: str, context: Context, cancelled: Callable[[], bool] | None) -> Reading:
        """The best reading of what can be read at once, at most `readings.MAX_TOKENS` tokens."""
        place = layout(utterance, context)
        if not layout(utterance, Context()).ranges:
            return Reading((), NOTHING, True)
        coded, prefixes, cues = self._encoder.encode(place.text)
        source = Source.of(place, coded.offsets, len(context.shown))
        with self._lock:
            try:
                if cancelled and cancelled():
                    return Reading((), NOTHING, False)
                self._decoder.start(prefixes)
                written = best_reading(self._decoder, source, cues, cancelled or (lambda: False))
            except Cancelled:
                return Reading((), NOTHING, False)
        scores, grammar = written.scores, written.grammar
        read = (Call(name=n, args=a) for n, args in grammar.calls for a in self._settled(n, args, utterance))
        calls = tuple(joined(_once(read)))
        features = (max(-12.0, sum(scores)), max(-6.0, min(scores)), float(len(calls)), cues.agreement(grammar.called))
        return Reading(calls, features, grammar.done)

    def _settled(self, name: str, args: dict[str, Any], said: str) -> list[dict[str, Any]]:
        """The arguments of a call, where knowledge or the words decide what the model may have guessed.

        Several where one name was read that is those of several people.
        """
        if name == "set_length":
            return [bounds.settled(args, said)]
        return [self._lexicon.settled(part, said) for part in self._lexicon.apart(args)]
