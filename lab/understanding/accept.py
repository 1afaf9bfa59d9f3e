"""Puts new weights into service, if they pass: `python -m lab.understanding.accept --new RUN/weights`; or `--rollback`.

Both models read the gate's records (`gate.*.jsonl` of the corpus), and once more those that a title under discussion
changes nothing about, beside such a title, as the chat meets them. The new one passes when its exact match is not
lower, no tool's F1 is down by more than two points (tools with at least 20 calls there), and every call that it writes
is valid. The old weights are kept, and `--rollback` swaps them back. A running application takes the change up at its
next start.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from chat.llm.understanding import WEIGHTS, Understanding
from lab.understanding.check_corpus import call_faults
from lab.understanding.corpus import Record, gate_records
from lab.understanding.evaluate import Result, lines_of, on_screen, report_of, run, under_discussion
from lab.understanding.progress import log_to

WORST_DROP = 0.02
FEWEST = 20


def refusals(old: dict[str, Any], new: dict[str, Any], invalid: int) -> list[str]:
    """Why the new model may not take the old one's place; [] when it may. The reports are those of `evaluate`."""
    found = []
    before, after = old["all"], new["all"]
    if after["exact_match"] < before["exact_match"]:
        found.append(f"exact match {after['exact_match']} is below {before['exact_match']}")
    for name, was in before["tools"].items():
        f1 = after["tools"].get(name, {"f1": 0.0})["f1"] or 0.0
        if was["n"] >= FEWEST and was["f1"] and f1 < was["f1"] - WORST_DROP:
            found.append(f"F1 of {name} is {f1}, down from {was['f1']}")
    if invalid:
        found.append(f"{invalid} calls are not valid")
    return found


def judging_records() -> list[Record]:
    """What both models read: the gate's records, and again with a list and a title that is under discussion."""
    records = gate_records()
    return [*records, *under_discussion(on_screen(records))]


def invalid_calls(results: list[Result]) -> int:
    """How many calls break the contract."""
    calls = (call for result in results for call in result.reading.calls)
    return sum(bool(call_faults({"name": call.name, "args": call.args})) for call in calls)


def previous(weights: Path) -> Path:
    """Where the weights that were replaced are kept."""
    return weights.with_name(f"{weights.name}.previous")


def put_into_service(new: Path, weights: Path) -> None:
    """Copies `new` beside the weights in service and swaps them; the old ones are kept."""
    beside = weights.with_name(f"{weights.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(new, beside)
    shutil.rmtree(previous(weights), ignore_errors=True)
    weights.rename(previous(weights))
    beside.rename(weights)


def roll_back(weights: Path) -> None:
    """Swaps the weights in service with those before them. Raises FileNotFoundError where there are none."""
    if not previous(weights).is_dir():
        raise FileNotFoundError(f"there are no earlier weights in {previous(weights)}")
    beside = weights.with_name(f"{weights.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    previous(weights).rename(beside)
    weights.rename(previous(weights))
    beside.rename(weights)


def judged(new: Path, weights: Path, records: list[Record]) -> tuple[list[str], dict[str, Any]]:
    """Why `new` is refused ([] when it passes), and its report."""
    results = run(Understanding.load(new), records)
    report = report_of(results)
    return refusals(report_of(run(Understanding.load(weights), records)), report, invalid_calls(results)), report


def main(argv: list[str] | None = None) -> int:
    """0 when the change was made, 1 when it was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    act = parser.add_mutually_exclusive_group(required=True)
    act.add_argument("--new", type=Path, help="folder of the new weights")
    act.add_argument("--rollback", action="store_true")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the weights in service")
    args = parser.parse_args(argv)
    log = log_to("accept")
    if args.rollback:
        try:
            roll_back(args.weights)
        except FileNotFoundError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        log.info("the earlier weights are in service again")
        return 0
    if not json.loads((args.new / "model.json").read_text(encoding="utf-8"))["metrics"]:
        sys.stderr.write(f"{args.new} is not calibrated; first `evaluate --weights {args.new} --calibrate`\n")
        return 1
    reasons, report = judged(args.new, args.weights, judging_records())
    for line in lines_of(report):
        log.info("%s", line)
    for reason in reasons:
        log.info("refused: %s", reason)
    if not reasons:
        put_into_service(args.new, args.weights)
        log.info("accepted; the earlier weights are kept in %s", previous(args.weights))
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
