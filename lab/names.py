"""How many spoken names the resolver links rightly: `python -m lab.names` reads tests/data/names.jsonl."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from catalog.demo import demo_items, demo_words
from catalog.embed import Embedder
from catalog.resolve import Match, Resolver

FILE = Path(__file__).parent.parent / "tests" / "data" / "names.jsonl"
CACHE = Path(__file__).parent.parent / "var" / "models"


def right(match: Match | None, key: str | list[str | None] | None) -> bool:
    """Whether a match is the expected key, one of the expected keys, or rightly absent."""
    found = match.key if match else None
    return found in key if isinstance(key, list) else found == key


def demo_resolver(*, meaning: bool = True) -> Resolver:
    """A resolver over the demonstration catalogue, with or without the embedding model."""
    items = demo_items()
    embed = Embedder.load(None, CACHE).embed if meaning else lambda _: np.zeros(1, dtype=np.float32)
    return Resolver(Catalogue.build(items, demo_words(), np.zeros((len(items), 1), dtype=np.float32), embed))


def main() -> None:
    """Print the share of right links, by kind and language, and every wrong one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-meaning", action="store_true", help="without the embedding model")
    resolver = demo_resolver(meaning=not parser.parse_args().no_meaning)
    total: Counter[tuple[str, str]] = Counter()
    good: Counter[tuple[str, str]] = Counter()
    for line in FILE.read_text(encoding="utf-8").splitlines():
        name = json.loads(line)
        match = resolver.resolve(name["kind"], name["said"], lang=name["lang"])
        group = (name["kind"], name["lang"])
        total[group] += 1
        good[group] += right(match, name["key"])
        if not right(match, name["key"]):
            got = f"{match.key} ({match.score:.2f} {match.how})" if match else None
            print(f"wrong: {name['kind']} {name['said']!r}: {got}, expected {name['key']}")
    for group in sorted(total):
        print(f"{group[0]:9} {group[1]}  {good[group]:4}/{total[group]:<4} {good[group] / total[group]:.1%}")
    print(f"names {good.total()}/{total.total()} {good.total() / total.total():.2%}")


if __name__ == "__main__":
    main()
