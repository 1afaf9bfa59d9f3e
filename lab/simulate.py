"""Write and sum up a simulated population: `python -m lab.simulate --seed 7 --out events.jsonl`.

The product makes the same population at its first start (`recommend.population`); this shows it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from catalog.demo import demo_items, demo_words
from recommend.population import LISTENERS, PERSONAS, simulate
from recommend.request import Event


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate over the demonstration catalogue, print the counts, write the events where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=LISTENERS, help="listeners beside the personas")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="file to write the events to, as JSON lines")
    options = parser.parse_args(arguments)
    catalogue = without_vectors()
    people, events = simulate(catalogue, listeners=options.listeners, seed=options.seed)
    print(f"simulated: {len(people)} listeners ({len(PERSONAS)} personas), {len(events)} events")
    for kind, number in Counter(event.kind for event in events).most_common():
        print(f"  {kind:9} {number}")
    _print_reach(catalogue, events)
    if options.out:
        options.out.write_text("".join(f"{event.model_dump_json()}\n" for event in events), encoding="utf-8")
        print(f"written to {options.out}")


def without_vectors() -> Catalogue:
    """The demonstration catalogue with vectors that say nothing: enough to simulate on."""
    items = demo_items()
    return Catalogue.build(
        items, demo_words(), np.zeros((len(items), 1), np.float32), lambda _: np.zeros(1, np.float32)
    )


def _print_reach(catalogue: Catalogue, events: Sequence[Event]) -> None:
    heard = Counter(event.item_id for event in events if event.kind == "play")
    print(f"items played at least once: {len(heard)} of {len(catalogue)}; most played:")
    for item_id, number in heard.most_common(10):
        print(f"  {number:4} {catalogue.item(item_id).title}")


if __name__ == "__main__":
    main()
