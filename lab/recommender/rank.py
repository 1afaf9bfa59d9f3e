"""Train and compare the fine rankers.  Run: python -m lab.recommender.rank --out RUN [--data simulated|goodbooks]

Additive (the transparent scorer), a plain blend of the sources, LambdaMART and DIN rank the same pools of listeners
that no ranker learned from. RUN gets lambdamart/ and din/ (what `recommend.rankers` loads) and report.json. Where it is
known on which place a candidate was shown, DIN learns a bias for each place, which is left out at serving; in both data
sets here it is not known. What the cures for position bias are worth is told by `debiasing`, on simulated clicks.

simulated: populations on the demonstration catalogue, made with other seeds than the product's; the cut is a day.
goodbooks: ratings of 2,138 readers; a fifth of them held out, as for the other models (`lab.recommender.data`).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from catalog.sources import PUBLIC_DATA
from lab.metrics import average_precision, gini, hit_rate, ndcg, over_users
from lab.recommender import din, din_export
from lab.recommender.din_model import Config as DinConfig
from lab.recommender.gauc import auc, gauc
from lab.recommender.logged import exposed
from lab.recommender.rank_data import Task, goodbooks, simulated
from recommend import models
from recommend.features import NAMES
from recommend.fine import Scorer, additive
from recommend.rankers import Din, LambdaMart
from recommend.ranking import lambdamart
from recommend.ranking.grades import GOOD
from recommend.ranking.lambdamart import TrainConfig
from recommend.ranking.lists import Lists, fingerprint
from recommend.ranking.questions import offered
from recommend.ranking.trees import as_onnx

K = 10
BLEND: Mapping[str, float] = {"collaborative": 1.0, "neighbours": 0.5, "graph": 0.5, "sequence": 1.0, "taste": 0.5}
"""The plain blend: source scores, added up."""
TEXT = "lambdamart.txt"
"""LightGBM's own form of the trees, for whoever wants to look at them."""
LEFT_EACH = 40
"""Candidates left alone that DIN learns from, drawn from each list."""
CLICKED = 1
"""The grade of a click in `lab.recommender.logged.exposed`."""


@dataclass(frozen=True, eq=False)
class Trained:
    """Both rankers as written, and what is told about them."""

    cards: dict[str, Any]
    scorers: dict[str, Scorer]


def measure(scores: np.ndarray, lists: Lists, popularity: np.ndarray, items: int) -> dict[str, Any]:
    """The figures of one ranking; relevant is what the listener did with grade GOOD or better after the cut.

    What the pool missed counts as missed. GAUC and AUC are over the pools alone.
    """
    tops, figures = [], {"ndcg@10": [], "hr@10": [], "map@10": []}
    starts = lists.starts
    for one in range(len(lists)):
        span = slice(starts[one], starts[one + 1])
        order = np.lexsort((lists.rows[span], -scores[span]))[:K]
        top = lists.rows[span][order].tolist()
        tops.append(top)
        for name, function in (("ndcg@10", ndcg), ("hr@10", hit_rate), ("map@10", average_precision)):
            figures[name].append(function(top, lists.relevant[one], K))
    good = lists.grades >= GOOD
    told: dict[str, Any] = {name: round(over_users(values).mean, 4) for name, values in figures.items()}
    told["ndcg@10 95%"] = [round(edge, 4) for edge in over_users(figures["ndcg@10"])[1:]]
    told["gauc"] = round(gauc(lists.group, good, scores), 4)
    told["auc"] = round(auc(good, scores), 4)
    told["popularity"] = round(float(np.mean([popularity[top].mean() for top in tops if top])), 4)
    told["gini"] = round(gini(tops, items), 4)
    return told


def blend(lists: Lists) -> np.ndarray:
    """The plain blend of the sources."""
    return sum(weight * lists.table[:, NAMES.index(name)] for name, weight in BLEND.items())  # type: ignore[return-value]


def train(task: Task, out: Path, config: TrainConfig, network: DinConfig, *, quiet: bool = False) -> Trained:
    """Both rankers, written under `out` and loaded from there as the product loads them."""
    facts = {"data": task.name, "licence": task.licence, "data_sha256": fingerprint(task.lessons)}
    facts |= {"catalogue": models.fingerprint(task.catalogue)}
    facts |= {"lists": len(task.lessons), "candidates": len(task.lessons.rows), "trained_by": "lab.recommender.rank"}
    booster = lambdamart.train(task.lessons, task.valid, config)
    scale = asdict(lambdamart.scale(lambdamart.scores(booster, task.lessons), task.lessons))
    trees = {**facts, **lambdamart.told(config, booster), "scale": scale}
    lambdamart.save(out / "lambdamart", as_onnx(booster), trees)
    text = booster.model_to_string(num_iteration=booster.best_iteration)
    (out / "lambdamart" / TEXT).write_text(text, encoding="utf-8")
    net = _train_din(task, out, network, facts, quiet)
    catalogue = task.catalogue
    scorers = {"lambdamart": LambdaMart.load(out / "lambdamart"), "din": Din.load(out / "din", catalogue)}
    return Trained({"lambdamart": trees, "din": net}, scorers)


def _train_din(task: Task, out: Path, config: DinConfig, facts: Mapping[str, Any], quiet: bool) -> dict[str, Any]:
    vectors = np.array(task.catalogue.vectors, dtype=np.float32)
    longest = max(len(rows) for rows in (*task.lessons.histories, *task.valid.histories))
    lessons, valid = examples(task.lessons, longest, config.seed), examples(task.valid, longest, None)
    model = din.train(lessons, valid, vectors, out / "din-run", with_places(config, task.lessons), quiet=quiet)
    raw = din.score(model, examples(task.lessons, longest, None), vectors)
    din_export.export(out / "din-run", out / "din", [item.id for item in task.catalogue.items], NAMES)
    scale = {"scale": asdict(lambdamart.scale(raw, task.lessons))}
    told = _tell(out / "din" / "din.json", {**facts, **scale})
    return {name: told[name] for name in ("config", "metrics", "epochs", "scale")}


def _tell(card: Path, more: Mapping[str, Any]) -> dict[str, Any]:
    """Adds to a card; returns what it holds."""
    told = {**json.loads(card.read_text(encoding="utf-8")), **more}
    card.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return told


def with_places(config: DinConfig, lists: Lists) -> DinConfig:
    """The config with a bias for each place on which something was shown; with none where no place is known."""
    return replace(config, places=int(lists.places.max(initial=-1)) + 1)


def examples(lists: Lists, longest: int, seed: int | None, least: int = GOOD) -> din.Examples:
    """The candidates one by one, as DIN learns them; with a seed, only LEFT_EACH of each list's left-alone ones.

    least: the grade from which a candidate counts as liked. The place of an exposure stands beside the features, not
    among them: there every candidate has the place that it has at serving.
    """
    good = lists.grades >= least
    keep = np.ones(len(good), dtype=bool)
    if seed is not None:
        chance = np.random.default_rng(seed).random(len(good))
        keep = good | (chance < (LEFT_EACH / np.maximum(lists.sizes, 1))[lists.group])
    table = np.full((len(lists), max(1, longest)), -1, dtype=np.int64)
    for row, rows in zip(table, lists.histories, strict=True):
        row[: len(rows[-longest:])] = rows[-longest:]
    group = lists.group[keep]
    labels, places = good[keep].astype(np.float32), lists.places[keep]
    return din.Examples(lists.rows[keep], table[group], lists.at_top().table[keep], labels, group, places)


def compare(task: Task, trained: Trained) -> dict[str, Any]:
    """The figures of all rankers on the held-out listeners, the learned ones as the product would score."""
    lists, catalogue = task.held, task.catalogue
    found = {"additive": lists.baseline, "blend": blend(lists)}
    booster = trained.scorers["lambdamart"]
    assert isinstance(booster, LambdaMart)
    found["lambdamart"] = booster.raw(lists.at_top().table)
    net = trained.scorers["din"]
    assert isinstance(net, Din)
    found["din"] = _din_scores(net, lists.at_top())
    found |= {name: lists.table[:, NAMES.index(name)] for name in ("collaborative", "neighbours", "graph", "sequence")}
    told = {name: measure(scores, lists, catalogue.popularity, len(catalogue)) for name, scores in found.items()}
    return told | {name: _of_ranks(rows, task) for name, rows in task.peers.items()}


def _din_scores(net: Din, lists: Lists) -> np.ndarray:
    starts, parts = lists.starts, []
    for one in range(len(lists)):
        span = slice(starts[one], starts[one + 1])
        parts.append(net.model.logits(lists.rows[span], lists.histories[one], lists.table[span]))
    return np.concatenate(parts)


def _of_ranks(tops: Sequence[np.ndarray], task: Task) -> dict[str, Any]:
    """The figures of a peer that ranks the whole catalogue: its best rows for each held-out list."""
    sizes = np.array([len(rows) for rows in tops])
    rows = np.concatenate(list(tops))
    good = [row in task.held.relevant[one] for one, top in enumerate(tops) for row in top.tolist()]
    grades = np.where(good, GOOD, 0).astype(np.int8)
    order = -np.concatenate([np.arange(len(top)) for top in tops])
    ranked = replace(task.held, sizes=sizes, rows=rows, grades=grades)
    told = measure(order.astype(np.float64), ranked, task.catalogue.popularity, len(task.catalogue))
    return {name: value for name, value in told.items() if name not in ("auc", "gauc")}


def debiasing(task: Task, out: Path, config: TrainConfig, network: DinConfig) -> dict[str, dict[str, float]]:
    """NDCG@10 on true grades of rankers that learned from clicks with position bias, by ranker and cure.

    The runs of DIN are kept under `out`.
    """
    clicked, checked = exposed(task.lessons, config.seed + 1), exposed(task.valid, config.seed + 2)
    trees, nets = {}, {}
    for cure in ("none", "feature", "ips"):
        booster = lambdamart.train(clicked, checked, replace(config, debias=cure))
        trees[cure] = _ndcg(lambdamart.scores(booster, task.held), task)
    longest = max(len(rows) for rows in (*clicked.histories, *checked.histories))
    lessons, valid = (examples(lists, longest, None, least=CLICKED) for lists in (clicked, checked))
    vectors, held = np.array(task.catalogue.vectors, dtype=np.float32), examples(task.held, longest, None)
    for cure, chosen in (("none", replace(network, places=0)), ("bias", with_places(network, clicked))):
        model = din.train(lessons, valid, vectors, out / f"din-clicks-{cure}", chosen, quiet=True)
        nets[cure] = _ndcg(din.score(model, held, vectors), task)
    return {"lambdamart": trees, "din": nets}


def _ndcg(scores: np.ndarray, task: Task) -> float:
    return measure(scores, task.held, task.catalogue.popularity, len(task.catalogue))["ndcg@10"]


def latency(task: Task, scorers: Mapping[str, Scorer], times: int = 100) -> dict[str, dict[str, float]]:
    """Milliseconds to score one pool, the features included: by the clock, and of processor time (`cpu`)."""
    asked = [offered(task.catalogue, task.models, question) for question in task.some_questions[:10]]
    told = {}
    for name, scorer in {"additive": additive, **scorers}.items():
        taken, used = [], []
        for turn in range(times):
            reading, pool = asked[turn % len(asked)]
            begun, busy = time.perf_counter(), time.process_time()
            scorer(reading, pool)
            taken.append(1000.0 * (time.perf_counter() - begun))
            used.append(1000.0 * (time.process_time() - busy))
        told[name] = {f"p{share}": round(float(np.percentile(taken, share)), 2) for share in (50, 95)}
        told[name]["cpu"] = round(float(np.median(used)), 2)
    return told


def main(argv: Sequence[str] | None = None) -> None:
    """Train, compare and write as the command line says."""
    args = _arguments(argv)
    if args.data == "simulated":
        task = simulated(args.listeners, args.seed, args.data_dir)
    else:
        task = goodbooks(args.folder, args.data_dir, args.sequence)
    config, network = TrainConfig(seed=args.seed), DinConfig(own=False, epochs=args.epochs, seed=args.seed)
    trained = train(task, args.out, config, network)
    report: dict[str, Any] = {"data": task.name, "held_out": len(task.held), "k": K, "rankers": compare(task, trained)}
    kept = {"held_out_lists": len(task.held), "held_out_additive": report["rankers"]["additive"], "seed": args.seed}
    for name in trained.cards:
        _tell(args.out / name / f"{name}.json", {"held_out": report["rankers"][name], **kept})
    report["debias"] = debiasing(task, args.out, config, network)
    report["latency_ms"] = latency(task, trained.scorers)
    report |= {"cards": trained.cards, "pool_recall": task.pool_recall, "cpus": os.cpu_count()}
    (args.out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: report[name] for name in ("rankers", "debias", "latency_ms", "pool_recall")}, indent=1))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--data", choices=("simulated", "goodbooks"), default="simulated")
    parser.add_argument("--folder", type=Path, default=PUBLIC_DATA / "goodbooks10k", help="where goodbooks lies")
    parser.add_argument("--data-dir", type=Path, help="data folder with real vectors; default: cheap ones, by words")
    parser.add_argument("--sequence", type=Path, help="exported SASRec of the readers who are not held out")
    parser.add_argument("--listeners", type=int, default=1500, help="simulated ones")
    parser.add_argument("--epochs", type=int, default=8, help="of DIN, at most")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
