"""Teaches the encoder Chinese: `python -m lab.understanding.distil --out encoder.pt`.

Reimers & Gurevych (2020): the student's mean-pooled embedding of an English sentence and of its Chinese
translation both approach the teacher's embedding of the English one (mean squared error). Where the file exists,
its encoder is taught further.
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from tqdm import tqdm
from transformers import AutoModel

from lab.understanding.model import padded
from lab.understanding.progress import log_to
from lab.understanding.schedule import TimedSchedule, smoothed
from lab.understanding.vocabulary import cjk_characters, extend_encoder, extend_tokenizer, is_cjk, teacher_dir

MAX_TOKENS = 160


def vocabulary_files(shared: Path) -> list[Path]:
    """The files whose Chinese characters the tokenizer must know."""
    return [
        *sorted(shared.glob("corpus/train.*.jsonl")),
        *sorted(shared.glob("catalog/items/*.jsonl")),
        *sorted(shared.glob("catalog/*.txt")),
        shared / "data/text/en-zh.tsv",
        shared / "data/text/zh.txt",
    ]


def vocabulary_pairs(shared: Path) -> list[tuple[str, str]]:
    """English-Chinese names of categories, moods and scenes, aliases included."""
    pairs = []
    for name in ("taxonomy", "moods", "scenes"):
        for line in (shared / f"catalog/{name}.txt").read_text(encoding="utf-8").splitlines():
            parts = [p.strip() for p in line.split("|")]
            if line.startswith("#") or len(parts) < 3:
                continue
            aliases = parts[3].split(",") if len(parts) > 3 else []
            names = [parts[2], *(a.strip() for a in aliases if any(map(is_cjk, a)))]
            pairs += [(parts[1].lower(), zh) for zh in names]
    return pairs


def sentence_pairs(shared: Path) -> list[tuple[str, str]]:
    """The translated sentences of en-zh.tsv (English, Chinese)."""
    rows = (shared / "data/text/en-zh.tsv").read_text(encoding="utf-8").splitlines()
    return [(p[0], p[1]) for p in (row.split("\t") for row in rows) if len(p) >= 2]


def pooled(model: Any, rows: list[list[int]]) -> torch.Tensor:
    """Mean-pooled last hidden states of token id lists; shape (n, d)."""
    ids, mask = padded(rows, 8)
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


@torch.no_grad()
def goals(rows: list[list[int]], bf16: bool, size: int = 256) -> torch.Tensor:
    """The teacher's embeddings of token id lists, short ones first so that little is padded; shape (n, d)."""
    teacher = AutoModel.from_pretrained(teacher_dir(), attn_implementation="eager").eval()
    order = sorted(range(len(rows)), key=lambda n: len(rows[n]))
    found = torch.empty(len(rows), teacher.config.hidden_size)
    for at in tqdm(range(0, len(rows), size), desc="teacher"):
        part = order[at : at + size]
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            found[part] = pooled(teacher, [rows[n] for n in part])
    return found


class Plan(NamedTuple):
    """How to distil: for how long, pairs in a batch, learning rate, seed, whether in bfloat16."""

    minutes: float
    bf16: bool
    seed: int
    batch: int = 128
    lr: float = 3e-4


def distil(student: Any, tokenizer: Tokenizer, pairs: list[tuple[str, str]], plan: Plan) -> int:
    """Teaches the student until the time is up; returns the number of steps."""
    log, rng = log_to("distil"), random.Random(plan.seed)
    english = [coded.ids for coded in tokenizer.encode_batch([en for en, _ in pairs])]
    chinese = [coded.ids for coded in tokenizer.encode_batch([zh for _, zh in pairs])]
    wanted = goals(english, plan.bf16)
    table = student.embeddings.word_embeddings.weight
    rest = [p for p in student.parameters() if p is not table]
    groups = [{"params": [table], "base": plan.lr * 10}, {"params": rest, "base": plan.lr}]
    optimizer = torch.optim.AdamW(groups, lr=plan.lr, weight_decay=0.0, fused=True)
    schedule, step, mean = TimedSchedule(optimizer, plan.minutes, 40, 0.05), 0, None
    student.train()
    while schedule.step():
        batch = rng.choices(range(len(pairs)), k=plan.batch)
        keep = batch[: plan.batch // 8]
        with torch.autocast("cpu", torch.bfloat16, enabled=plan.bf16):
            loss_zh = F.mse_loss(pooled(student, [chinese[n] for n in batch]), wanted[batch])
            loss_en = F.mse_loss(pooled(student, [english[n] for n in keep]), wanted[keep])
            loss = (loss_zh + loss_en) * 100
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        step, mean = step + 1, smoothed(mean, loss.item(), 0.03)
        if step % 20 == 0:
            log.info("%4.0f s  step %d  loss %.3f", schedule.seconds, step, mean)
    return step


def make_encoder(shared: Path, out: Path, plan: Plan) -> None:
    """Writes the encoder to `out` and the extended tokenizer beside it; an encoder that is there is taught further."""
    log = log_to("distil")
    characters = cjk_characters(vocabulary_files(shared))
    tokenizer = extend_tokenizer(teacher_dir(), characters, MAX_TOKENS)
    out.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out.parent / "tokenizer.json"))
    student = AutoModel.from_pretrained(
        teacher_dir(), attn_implementation="eager", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    extend_encoder(student, tokenizer.get_vocab_size(), plan.seed)
    if out.exists():
        student.load_state_dict(torch.load(out, weights_only=True)["encoder"])
    pairs = sentence_pairs(shared) + vocabulary_pairs(shared) * 3
    pairs = [(re.sub(r"\s+", " ", en), zh) for en, zh in pairs if len(zh) <= 40]
    log.info("%d characters, %d pieces, %d pairs", len(characters), tokenizer.get_vocab_size(), len(pairs))
    steps = distil(student, tokenizer, pairs, plan)
    torch.save({"encoder": student.state_dict(), "pieces": tokenizer.get_vocab_size()}, out)
    log.info("saved after %d steps", steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--bf16", action="store_true", help="much faster on processors with AMX, slower on others")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    make_encoder(args.shared, args.out, Plan(args.minutes, args.bf16, args.seed, args.batch, args.lr))


if __name__ == "__main__":
    main()
