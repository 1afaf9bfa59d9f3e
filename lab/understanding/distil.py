"""Teaches the encoder Chinese: `python -m lab.understanding.distil --out encoder.pt`.

Reimers & Gurevych (2020): the student's mean-pooled embedding of an English sentence and of its Chinese
translation both approach the teacher's embedding of the English one (mean squared error). At the same time it guesses
hidden words of running text in both languages (Devlin et al. 2019), which teaches it what follows what. Where the file
exists, its encoder is taught further.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from tqdm import tqdm
from transformers import AutoModel

from catalog.demo import FOLDER
from catalog.sources import PUBLIC_DATA
from lab.understanding.batches import padded
from lab.understanding.corpus import CORPUS, split
from lab.understanding.progress import log_to
from lab.understanding.schedule import TimedSchedule, smoothed
from lab.understanding.vocabulary import cjk_characters, extend_encoder, extend_tokenizer, is_cjk, teacher_dir

MAX_TOKENS = 160
HIDDEN = 0.15
"""Share of the words that are to be guessed."""


def vocabulary_files(public: Path) -> list[Path]:
    """The files whose Chinese characters the tokenizer must know."""
    return [
        *sorted(CORPUS.glob("train.*.jsonl")),
        *sorted(FOLDER.glob("items/*.jsonl")),
        *sorted(FOLDER.glob("*.txt")),
        public / "text/en-zh.tsv",
        public / "text/zh.txt",
    ]


def vocabulary_pairs() -> list[tuple[str, str]]:
    """English-Chinese names of categories, moods and scenes, aliases included."""
    pairs = []
    for name in ("taxonomy", "moods", "scenes"):
        for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            parts = [p.strip() for p in line.split("|")]
            if line.startswith("#") or len(parts) < 3:
                continue
            aliases = parts[3].split(",") if len(parts) > 3 else []
            names = [parts[2], *(a.strip() for a in aliases if any(map(is_cjk, a)))]
            pairs += [(parts[1].lower(), zh) for zh in names]
    return pairs


def sentence_pairs(public: Path) -> list[tuple[str, str]]:
    """The translated sentences of en-zh.tsv (English, Chinese)."""
    rows = (public / "text/en-zh.tsv").read_text(encoding="utf-8").splitlines()
    return [(p[0], p[1]) for p in (row.split("\t") for row in rows) if len(p) >= 2]


def short_pairs(public: Path) -> list[tuple[str, str]]:
    """Translated sentences that are not long, and the names of the vocabularies three times (English, Chinese)."""
    pairs = sentence_pairs(public) + vocabulary_pairs() * 3
    return [(re.sub(r"\s+", " ", en), zh) for en, zh in pairs if len(zh) <= 40]


def running_text(public: Path) -> list[str]:
    """Sentences to guess words in: dialogues and requests of both languages, Chinese as often as English."""
    english = (public / "text/en.txt").read_text(encoding="utf-8").splitlines()
    chinese = (public / "text/zh.txt").read_text(encoding="utf-8").splitlines()
    chinese += [zh for _, zh in sentence_pairs(public)]
    said = [record.utterance for record in split()[0]]
    return [line for line in [*english[::2], *chinese, *said * 2] if 4 <= len(line) <= 300]


class Rows:
    """Token id lists on a device, drawn in batches of similar length so that little is padded."""

    def __init__(self, rows: list[list[int]], device: str, seed: int) -> None:
        self._ids = padded(rows)[0].to(device)
        self.lengths = torch.tensor([len(row) for row in rows])
        self._generator = torch.Generator().manual_seed(seed)
        self._order = torch.empty(0, dtype=torch.long)

    def draw(self, size: int) -> torch.Tensor:
        """Places of the next batch; every row comes about once before any comes again."""
        if not len(self._order):
            jittered = self.lengths + 3 * torch.rand(len(self.lengths), generator=self._generator)
            groups = jittered.argsort()[: len(jittered) // size * size].view(-1, size)
            self._order = groups[torch.randperm(len(groups), generator=self._generator)]
        first, self._order = self._order[0], self._order[1:]
        return first

    def at(self, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask of some rows, no wider than the longest of them asks for (a multiple of 8)."""
        lengths = self.lengths[places]
        width = min(self._ids.shape[1], -(-int(lengths.max()) // 8) * 8)
        ids = self._ids[places.to(self._ids.device), :width]
        return ids, (torch.arange(width) < lengths[:, None]).long().to(ids.device)


class Guesser(nn.Module):
    """Guesses hidden words from the encoder's states; its output shares the encoder's embedding table."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.transform = nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.LayerNorm(hidden))

    def forward(self, student: Any, ids: torch.Tensor, mask: torch.Tensor, unknown: int) -> torch.Tensor:
        """Cross entropy at the hidden places; 8 of 10 are masked, 1 replaced, 1 left."""
        table = student.embeddings.word_embeddings.weight
        inner = mask.bool() & (ids != ids[:, :1]) & (F.pad(mask, (0, 1))[:, 1:] == 1)
        chosen = (torch.rand(ids.shape, device=ids.device) < HIDDEN) & inner
        fate = torch.rand(ids.shape, device=ids.device)
        given = torch.where(chosen & (fate < 0.8), unknown, ids)
        given = torch.where(chosen & (fate >= 0.9), torch.randint_like(ids, len(table)), given)
        states = student(input_ids=given, attention_mask=mask).last_hidden_state[chosen]
        return F.cross_entropy((self.transform(states) @ table.T).float(), ids[chosen])


def pooled(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean-pooled last hidden states of padded token ids; shape (n, d)."""
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


class Plan(NamedTuple):
    """How to distil: for how long, whether in bfloat16, seed, pairs in a batch, learning rate, weight of guessing."""

    minutes: float
    bf16: bool
    seed: int
    batch: int = 128
    lr: float = 3e-4
    guess: float = 0.3
    device: str = "cpu"


def as_taught(texts: list[str]) -> list[list[int]]:
    """Token ids of the teacher's own tokenizer: the run's may number its pieces otherwise."""
    tokenizer = Tokenizer.from_file(str(teacher_dir() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return [code.ids for code in tokenizer.encode_batch(texts)]


@torch.no_grad()
def goals(rows: Rows, count: int, plan: Plan, size: int = 256) -> torch.Tensor:
    """The teacher's embeddings of `count` rows; shape (count, d)."""
    teacher = AutoModel.from_pretrained(teacher_dir(), attn_implementation="eager").eval().to(plan.device)
    found = torch.empty(count, teacher.config.hidden_size, device=plan.device)
    for places in tqdm(rows.lengths.argsort().split(size), desc="teacher"):
        with torch.autocast(plan.device, torch.bfloat16, enabled=plan.bf16):
            found[places] = pooled(teacher, *rows.at(places))
    return found


def distil(student: Any, tokenizer: Tokenizer, pairs: list[tuple[str, str]], texts: list[str], plan: Plan) -> int:
    """Teaches the student until the time is up; returns the number of steps."""
    log = log_to("distil")

    def coded(lines: list[str]) -> Rows:
        return Rows([code.ids for code in tokenizer.encode_batch(lines)], plan.device, plan.seed)

    english, chinese, running = coded([en for en, _ in pairs]), coded([zh for _, zh in pairs]), coded(texts)
    lessons = Rows(as_taught([en for en, _ in pairs]), plan.device, plan.seed)
    unknown, wanted = tokenizer.token_to_id("[MASK]"), goals(lessons, len(pairs), plan)
    table = student.embeddings.word_embeddings.weight
    guesser = Guesser(table.shape[1]).to(plan.device)
    rest = [p for p in student.parameters() if p is not table]
    groups = [
        {"params": [table], "base": plan.lr * 10},
        {"params": rest, "base": plan.lr},
        {"params": list(guesser.parameters()), "base": plan.lr * 3},
    ]
    optimizer = torch.optim.AdamW(groups, lr=plan.lr, weight_decay=0.0, fused=True)
    schedule, step, mean = TimedSchedule(optimizer, plan.minutes, 40, 0.05), 0, None
    student.train()
    while schedule.step():
        places, keep = chinese.draw(plan.batch), english.draw(plan.batch // 8)
        with torch.autocast(plan.device, torch.bfloat16, enabled=plan.bf16):
            loss = F.mse_loss(pooled(student, *chinese.at(places)), wanted[places]) * 100
            loss = loss + F.mse_loss(pooled(student, *english.at(keep)), wanted[keep]) * 100
            if plan.guess:
                loss = loss + plan.guess * guesser(student, *running.at(running.draw(plan.batch)), unknown)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 20 == 0:
            mean = smoothed(mean, loss.item(), 0.2)
            log.info("%4.0f s  step %d  loss %.3f", schedule.seconds, step, mean)
    return step


def make_tokenizer(public: Path, run: Path) -> Tokenizer:
    """Writes `tokenizer.json` of the run: MiniLM's pieces, and every Chinese character of our texts."""
    tokenizer = extend_tokenizer(teacher_dir(), cjk_characters(vocabulary_files(public)), MAX_TOKENS)
    run.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(run / "tokenizer.json"))
    return tokenizer


def make_encoder(public: Path, out: Path, plan: Plan) -> None:
    """Writes the encoder to `out` and the extended tokenizer beside it; an encoder that is there is taught further."""
    log, tokenizer = log_to("distil"), make_tokenizer(public, out.parent)
    student = AutoModel.from_pretrained(
        teacher_dir(), attn_implementation="eager", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    extend_encoder(student, tokenizer.get_vocab_size(), plan.seed)
    if out.exists():
        student.load_state_dict(torch.load(out, weights_only=True)["encoder"])
    pairs = short_pairs(public)
    log.info("%d pieces, %d pairs", tokenizer.get_vocab_size(), len(pairs))
    student.to(plan.device)
    steps = distil(student, tokenizer, pairs, running_text(public), plan)
    student.cpu()
    torch.save({"encoder": student.state_dict(), "pieces": tokenizer.get_vocab_size()}, out)
    log.info("saved after %d steps", steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=PUBLIC_DATA, help="folder of public data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--bf16", action="store_true", help="much faster on processors with AMX, slower on others")
    parser.add_argument("--guess", type=float, default=0.3, help="weight of guessing hidden words")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    plan = Plan(args.minutes, args.bf16, args.seed, args.batch, args.lr, args.guess, args.device)
    make_encoder(args.folder, args.out, plan)


if __name__ == "__main__":
    main()
