"""Is a larger model's second reading worth its time?  Two steps, so that a model can answer that is not here.

    python -m lab.recommender.listwise_measure --data-dir DATA --ask PROMPTS.jsonl
    python -m lab.recommender.listwise_measure --data-dir DATA --answers ANSWERS.jsonl

The first writes the very prompts of `recommend.listwise` for requests that nothing was trained on (part "test" of
requests.jsonl; with `--narrative dev` those over goodbooks): {"id", "prompt"}. The second reads {"id", "answer"} and
compares the search's order with the model's: NDCG@10, recall@6 and recall@10 with 95 % intervals by bootstrap over
requests, and the paired gain. An answer that gives no order keeps the search's, as in the product.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from catalog.catalogue import Catalogue
from catalog.opening import open_catalogue
from catalog.search import Search
from lab.recommender.second_reading import HEADING, Question, Reread, questions_of, table
from prompts.texts import Texts
from recommend.listwise import Ask, Listwise
from recommend.models import Models
from recommend.reading import read
from recommend.request import Candidate, Listener, Request
from recommend.rerank import DEPTH, rerank


def reread(catalogue: Catalogue, questions: Sequence[Question], ask: Ask, depth: int = DEPTH) -> list[Reread]:
    """Every question as the search orders its first `depth` items, and as the product does with this model."""
    search, models, texts = Search(catalogue), Models.empty(catalogue), Texts.load()
    model = Listwise(ask, catalogue, texts, depth=depth)
    found = []
    for question in questions:
        listener = Listener(user_id="reader", ui_language="zh" if question.lang == "zh" else "en")
        request = Request(
            listener=listener, intent="search", query=question.text, now=datetime.now(UTC), size=depth
        )  # fmt: skip
        chosen = [
            Candidate(item_id=catalogue.items[hit.row].id, row=hit.row, sources={"query": hit.score})
            for hit in search.query(question.text, depth)
        ]
        after = rerank(read(request, catalogue, models), chosen, model)
        found.append(Reread(question, [one.item_id for one in chosen], [one.item_id for one in after]))
    return found


def main() -> None:
    """Asks or measures as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="of the demonstration; with --narrative goodbooks'"
    )
    parser.add_argument("--narrative", choices=["dev", "kept", "final"], help="that part of narrative.jsonl")
    step = parser.add_mutually_exclusive_group(required=True)
    step.add_argument("--ask", type=Path, help="where to write the prompts")
    step.add_argument("--answers", type=Path, help="what a model answered")
    options = parser.parse_args()
    catalogue, questions = open_catalogue(options.data_dir), questions_of(options.narrative)
    answers: dict[int, str] = {}
    if options.answers:
        lines = (json.loads(line) for line in options.answers.read_text(encoding="utf-8").splitlines() if line.strip())
        answers = {line["id"]: str(line["answer"]) for line in lines}
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return answers.get(len(prompts) - 1, "")

    found = reread(catalogue, questions, ask)
    if options.ask:
        told = (json.dumps({"id": n, "prompt": prompt}, ensure_ascii=False) for n, prompt in enumerate(prompts))
        options.ask.write_text("\n".join(told) + "\n", encoding="utf-8")
        return
    print(HEADING, *table(found), sep="\n")
    mean = sum(map(len, prompts)) / max(1, len(prompts))
    print(f"{len(answers)} of {len(prompts)} prompts answered; {mean:.0f} letters a prompt")


if __name__ == "__main__":
    main()
