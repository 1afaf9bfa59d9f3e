"""Is the cross-encoder worth its time?  Run: `python -m lab.recommender.crossencoder_measure --data-dir DATA`.

The first hits of the product's search as they stand against the same hits in the cross-encoder's order, on requests
that it was not trained on: part "test" of requests.jsonl over the demonstration catalogue, or with `--narrative` a part
of narrative.jsonl over goodbooks. NDCG@10, recall@6 and recall@10 with 95 % intervals by bootstrap over requests, the
paired gain, and milliseconds of one processor a list. Chinese requests keep the search's order. `--weight` tries
another weight than the card's; choose none by the test figures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catalog.catalogue import Catalogue
from catalog.gloss import Gloss
from catalog.index import item_text
from catalog.opening import open_catalogue
from catalog.search import NAMED, Hit, Search
from lab.recommender.second_reading import HEADING, Question, Reread, questions_of, table
from recommend.crossencoder import WEIGHTS, CrossEncoder, readable
from recommend.rerank import DEPTH


@dataclass(frozen=True)
class Answer:
    """Hits of a search, what the cross-encoder says of them, and the time that it took."""

    question: Question
    ids: tuple[str, ...]
    own: np.ndarray
    read: np.ndarray
    seconds: float

    def ranked(self, weight: float) -> list[str]:
        """The ids by both scores; items whose name was asked for stay in front."""
        value = np.where(self.own >= NAMED, np.inf, self.own + weight * self.read)
        return [self.ids[at] for at in np.argsort(-value, kind="stable")]


def answers(catalogue: Catalogue, encoder: CrossEncoder, questions: Sequence[Question], depth: int) -> list[Answer]:
    """Every question, searched and read."""
    search, gloss = Search(catalogue), Gloss.of(catalogue.words)
    found = []
    for question in tqdm(questions, desc="asking"):
        hits: list[Hit] = search.query(question.text, depth)
        texts = [item_text(catalogue.items[hit.row], catalogue.words, gloss) for hit in hits]
        begun = time.process_time()
        read = encoder.scores(question.text, texts) if readable(question.text) else np.zeros(len(texts))
        seconds = time.process_time() - begun
        ids = tuple(catalogue.items[hit.row].id for hit in hits)
        found.append(Answer(question, ids, np.array([hit.score for hit in hits]), read, seconds))
    return found


def table_of(found: Sequence[Answer], weight: float) -> list[str]:
    """The lines of the report."""
    times = np.array([1000 * a.seconds for a in found if readable(a.question.text)])
    cost = f"ms a list that is read, processor time: median {np.median(times):.0f}, p99 {np.percentile(times, 99):.0f}"
    return [*table([Reread(a.question, a.ids, a.ranked(weight)) for a in found]), cost]


def main() -> None:
    """Measures as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="of the demonstration; with --narrative goodbooks'"
    )
    parser.add_argument("--narrative", choices=["dev", "kept", "final"], help="that part of narrative.jsonl")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the exported model")
    parser.add_argument("--weight", type=float, nargs="*", help="in place of the card's; several are compared")
    parser.add_argument("--depth", type=int, default=DEPTH)
    options = parser.parse_args()
    encoder = CrossEncoder.load(options.weights)
    found = answers(open_catalogue(options.data_dir), encoder, questions_of(options.narrative), options.depth)
    print(HEADING)
    for weight in options.weight or [encoder.card.weight]:
        print(f"weight {weight}", *table_of(found, weight), sep="\n")


if __name__ == "__main__":
    main()
