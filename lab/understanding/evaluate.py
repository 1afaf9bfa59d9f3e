"""Measures the shipped model: `python -m lab.understanding.evaluate [--file F.jsonl] [--json OUT] [--calibrate]`.

Without `--file` it reads the held-out records of the corpus. `--calibrate` fits the confidence on the records of the
gate, measures it on the held-out ones, and writes both with the figures into the card of the weights.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from catalog.demo import demo_items
from chat.llm.context import Context
from chat.llm.understanding import NOTHING, WEIGHTS, Parse, Reading, Understanding, calibration_of
from chat.policy import decide, shortcut
from chat.tongues import corrected
from lab.understanding.augment import discussable, discussed
from lab.understanding.corpus import Call, Record, gate_records, records_of, split
from lab.understanding.progress import log_to
from lab.understanding.scoring import best, exact, on_list, precision_recall, ratio, same_intents, same_tools

DIALOGUE = re.compile(r"(dlgh?-.+)-\d+")


class Result(NamedTuple):
    """One record with what the chat makes of it and the time it took in milliseconds."""

    record: Record
    reading: Reading
    milliseconds: float
    certain: bool = False
    """Whether the words can mean only one thing, so that no model was asked (`chat.policy.shortcut`)."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls of the reading."""
        return tuple((call.name, call.args) for call in self.reading.calls)

    @property
    def exact(self) -> bool:
        """Whether the reading is one of the accepted ones."""
        return any(exact(reading, self.calls) for reading in self.record.readings)

    @property
    def exact_items(self) -> bool:
        """Whether it is one of them, whichever of its names an item of the list is called by."""
        by_place = partial(on_list, shown=self.record.context.shown)
        return any(exact(by_place(reading), by_place(self.calls)) for reading in self.record.readings)


def run(model: Understanding, records: list[Record]) -> list[Result]:
    """Reads every record, one after another."""
    results = []
    for record in records:
        start = time.perf_counter()
        reading, certain = heard(model, record)
        results.append(Result(record, reading, (time.perf_counter() - start) * 1000, certain))
    return results


def heard(model: Understanding, record: Record) -> tuple[Reading, bool]:
    """What the chat makes of a record, by the same path (`chat.policy.decide`), and whether no model was asked."""
    exact = shortcut(record.utterance, record.context)
    if exact is not None:
        return Reading(exact.calls, NOTHING, True), True
    reading = model.read(record.utterance, record.context)
    return reading._replace(calls=corrected(reading.calls, record.utterance)), False


def sureness(results: list[Result], weights: tuple[float, ...]) -> np.ndarray:
    """The confidence of each, float64 (n,)."""
    x = np.array([(1.0, *result.reading.features) for result in results])
    certain = np.array([result.certain for result in results])
    return np.where(certain, 1.0, 1 / (1 + np.exp(-x @ np.array(weights))))


def on_screen(records: list[Record], seed: int = 0) -> list[Record]:
    """Gives each record without a context a list of six titles from the catalogue, as nearly every turn has one.

    Records that ask back are left alone: a list might answer the question.
    """
    rng, titles = random.Random(seed), [item.title for item in demo_items()]
    changed = []
    for record in records:
        asks = any(name == "ask_clarification" for name, _ in record.readings[0])
        context = record.context if asks or record.context != Context() else Context(shown=tuple(rng.sample(titles, 6)))
        changed.append(record._replace(context=context))
    return changed


def under_discussion(records: list[Record], seed: int = 0) -> list[Record]:
    """The records that a list is shown with and that mean the same when one of its titles is under discussion: so."""
    rng = random.Random(seed)
    return [discussed(record, rng) for record in records if discussable(record)]


def figures(results: list[Result]) -> dict[str, Any]:
    """The figures of one set of results."""
    hits, given, wanted = Counter(), Counter(), Counter()
    for result in results:
        nearest = best(result.record.readings, result.calls)
        got, goal = (Counter(name for name, _ in calls) or Counter({"(none)": 1}) for calls in (result.calls, nearest))
        hits.update(got & goal)
        given.update(got)
        wanted.update(goal)
    tools = {name: precision_recall(hits[name], given[name], wanted[name]) for name in sorted({*given, *wanted})}
    times = sorted(result.milliseconds for result in results)
    return {
        "n": len(results),
        **shares(results),
        "no_call": tools.pop("(none)", precision_recall(0, 0, 0)),
        "tools": tools,
        "latency_ms": {"p50": round(times[len(times) // 2], 1), "p95": round(times[int(len(times) * 0.95)], 1)},
    }


def fit(results: list[Result]) -> tuple[float, ...]:
    """Logistic regression (Newton steps, slight ridge) from a reading's features to its being right."""
    read = [result for result in results if not result.certain]
    x = np.array([(1.0, *result.reading.features) for result in read])
    y = np.array([float(result.exact) for result in read])
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (y - p) - 0.1 * weights
        weights += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 0.1 * np.eye(len(weights)), gradient)
    return tuple(round(float(w), 5) for w in weights)


def calibration(results: list[Result], weights: tuple[float, ...]) -> dict[str, Any]:
    """Brier score, expected calibration error in ten bins, what the surest half is worth, and what the policy does."""
    y = np.array([float(result.exact) for result in results])
    p = sureness(results, weights)
    bins = np.minimum((p * 10).astype(int), 9)
    error = sum(abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist()))
    surest = np.argsort(-p)[: max(1, len(p) // 2)]
    return {
        "brier": round(float(((p - y) ** 2).mean()), 4),
        "calibration_error": round(float(error), 4),
        "exact_match_of_surest_half": round(float(y[surest].mean()), 3),
        "policy": modes(results, p),
    }


def modes(results: list[Result], confidence: np.ndarray) -> dict[str, dict[str, float | None]]:
    """For each thing that the chat does with a reading: its share of the utterances, and how often that was right.

    "ask" makes no change; it is right where the reading was wrong.
    """
    found: dict[str, list[bool]] = {}
    for result, sure in zip(results, confidence.tolist(), strict=True):
        parse = Parse(calls=result.reading.calls, confidence=sure)
        mode = decide(parse, result.record.utterance, result.record.context).mode
        found.setdefault(mode, []).append(result.exact != (mode == "ask"))
    return {
        mode: {"share": ratio(len(right), len(results)), "right": ratio(sum(right), len(right))}
        for mode, right in sorted(found.items())
    }


def report_of(results: list[Result]) -> dict[str, Any]:
    """The figures of each language and of all together."""
    languages = sorted({result.record.lang for result in results})
    report = {lang: figures([r for r in results if r.record.lang == lang]) for lang in languages}
    plain = [result for result in results if is_plain(result.record)]
    return {
        **report,
        "all": figures(results),
        "plain": {"n": len(plain), **shares(plain)},
        "dialogues": dialogues(results),
    }


def is_plain(record: Record) -> bool:
    """A short request with one intent, at most six words or eight Chinese characters, that answers no question.

    A list may be on the screen, and the request may point at it.
    """
    size = len(record.utterance) / 8 if record.lang == "zh" else len(record.utterance.split()) / 6
    return size <= 1 and len(record.readings[0]) == 1 and not record.context.asked and not record.context.about


def shares(results: list[Result]) -> dict[str, float | None]:
    """How many readings are right: the set of tools, each tool as often as it is asked for, everything.

    "exact_items" is everything, where an item counts by whichever of its names it is called (`scoring.on_list`).
    """

    def share(right: Callable[[Sequence[Call], Sequence[Call]], bool]) -> float | None:
        hits = sum(any(right(wanted, result.calls) for wanted in result.record.readings) for result in results)
        return ratio(hits, len(results))

    return {
        "intent_accuracy": share(same_intents),
        "tools_as_often": share(same_tools),
        "exact_match": share(exact),
        "exact_items": ratio(sum(result.exact_items for result in results), len(results)),
    }


def dialogues(results: list[Result]) -> dict[str, float | int | None]:
    """Scripted dialogues, each turn read in its context: how many have every turn right, and the share of turns."""
    talks: dict[str, list[bool]] = {}
    for result in results:
        if found := DIALOGUE.fullmatch(result.record.id):
            talks.setdefault(found[1], []).append(result.exact)
    turns = [right for talk in talks.values() for right in talk]
    whole = sum(all(talk) for talk in talks.values())
    return {"n": len(talks), "every_turn_right": ratio(whole, len(talks)), "turns_right": ratio(sum(turns), len(turns))}


def calibrate(weights: Path, model: Understanding, records: list[Record]) -> dict[str, Any]:
    """Measures the model of `weights` on test records, and writes figures and a fitted confidence into its card.

    The confidence is fitted on the gate's records and measured on the test's, all as `on_screen` gives them: what the
    chat meets.
    """
    path = weights / "model.json"
    card, report = json.loads(path.read_text(encoding="utf-8")), report_of(run(model, records))
    fitted = fit(run(model, on_screen(gate_records())))
    report["confidence"] = calibration(run(model, on_screen(records)), fitted)
    card["calibration"], card["metrics"] = list(fitted), report
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return report


def measured(weights: Path, model: Understanding, records: list[Record]) -> dict[str, Any]:
    """The figures of the model of `weights` on records, with those of its confidence."""
    results = run(model, records)
    return {**report_of(results), "confidence": calibration(results, calibration_of(weights))}


def lines_of(report: dict[str, Any]) -> Iterator[str]:
    """The main figures of a report for people."""
    for lang, f in report.items():
        if lang in ("confidence", "plain", "dialogues"):
            yield f"{lang} {f}"
            continue
        none, ms = f["no_call"], f["latency_ms"]
        yield (
            f"{lang:3}  n {f['n']}  intent {f['intent_accuracy']:.3f}  exact {f['exact_match']:.3f}  "
            f"(items by any name {f['exact_items']:.3f})  "
            f"no-call P {none['precision']} R {none['recall']}  p50 {ms['p50']:.1f} ms  p95 {ms['p95']:.1f} ms"
        )
    for name, tool in report["all"]["tools"].items():
        yield f"{name:24} n {tool['n']:4}  P {tool['precision']}  R {tool['recall']}  F1 {tool['f1']}"


def main() -> None:
    """Prints the figures; writes them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, action="append", help="labelled utterances (repeatable)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--every", type=int, default=1, help="read only every n-th record")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--on-screen", action="store_true", help="give what has no context a list, as in the chat")
    parser.add_argument("--discussed", action="store_true", help="with a list, and a title that is under discussion")
    parser.add_argument("--calibrate", action="store_true")
    args = parser.parse_args()
    log = log_to("evaluate")
    records = records_of(args.file, lambda: split()[1])
    records = on_screen(records) if args.on_screen or args.discussed else records
    records = under_discussion(records) if args.discussed else records
    model, records = Understanding.load(args.weights, threads=args.threads), records[:: args.every]
    report = calibrate(args.weights, model, records) if args.calibrate else measured(args.weights, model, records)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for line in lines_of(report):
        log.info("%s", line)


if __name__ == "__main__":
    main()
