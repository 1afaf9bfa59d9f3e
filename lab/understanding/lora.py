"""Fine-tunes a chat model of Hugging Face on the corpus with LoRA, and writes a GGUF adapter for it.

`python -m lab.understanding.lora --base FOLDER --out RUN --steps 2000 [--device cuda --bf16]`. FOLDER holds the model
as Hugging Face keeps it (config, tokenizer with a chat template, safetensors); nothing is fetched. RUN receives the
PEFT adapter after every `--save-steps` (a run that finds one goes on from it), and at the end `adapter.gguf`, which
`python app.py --model MODEL.gguf --lora RUN/adapter.gguf` loads beside the same base model in GGUF.

Low-rank adaptation: Hu et al. 2021. The prompt is the one of the chat (`prompts/*/agent.toml`, the tools of
`tools.registry`), the loss counts the answer alone.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from chat.llm.grammar import CLOSE, OPEN
from chat.llm.hermes import Defuser, tools_in_words, turns_of
from chat.policy import courtesy
from lab.understanding.adapter import write_adapter
from lab.understanding.corpus import CORPUS, Call, Record, split
from lab.understanding.model import IGNORED
from lab.understanding.progress import log_to
from lab.understanding.schedule import smoothed
from prompts.texts import Texts
from tools.registry import all_tools

STEP_FILE, OPTIMIZER_FILE = "step.json", "optimizer.pt"


class Plan(NamedTuple):
    """How to fine-tune: steps of so many examples, highest learning rate, rank and alpha of the adapter, where."""

    steps: int
    batch: int = 4
    lr: float = 2e-4
    rank: int = 16
    alpha: int = 32
    longest: int = 8192
    save_steps: int = 200
    device: str = "cpu"
    bf16: bool = False
    seed: int = 0


class Asked(NamedTuple):
    """One example as tokens; the first `prompt` of them are given, the rest is to be learnt."""

    ids: list[int]
    prompt: int


class Asker:
    """Turns records into what the chat would send to the model, and what the model should answer."""

    def __init__(
        self, tokenizer: Any, tools: Sequence[dict[str, Any]] | None = None, texts: Texts | None = None
    ) -> None:
        self._tokenizer, self._texts = tokenizer, texts or Texts.load()
        self._tools = [convert_to_openai_tool(tool) for tool in all_tools()] if tools is None else list(tools)
        template = tokenizer.chat_template or ""
        self._hermes = OPEN in template and "tools" in template

    def prompt(self, record: Record) -> str:
        """The rendered prompt, up to where the answer begins."""
        say, seen = self._texts.say, record.context.model_dump()
        told = f"{say('agent.screen', record.lang, **seen)}\n\n{record.utterance}"
        turns = turns_of([SystemMessage(say("agent.system", record.lang)), HumanMessage(told)], Defuser(()))
        tools = self._tools if self._hermes else None
        turns = turns if self._hermes else tools_in_words(turns, self._tools)
        return self._tokenizer.apply_chat_template(
            turns, tools=tools, add_generation_prompt=True, tokenize=False, enable_thinking=False
        )

    def answer(self, record: Record) -> str:
        """The calls in Hermes form, or a short reply where there is nothing to call."""
        calls = record.readings[0]
        if not calls:
            return self._texts.say(f"talk.{courtesy(record.utterance)}", record.lang)
        return "\n".join(map(_written, calls))

    def tokens(self, record: Record) -> Asked:
        """Prompt and answer as token ids, the end mark included."""
        given = self._tokenizer.encode(self.prompt(record), add_special_tokens=False)
        wanted = self._tokenizer.encode(self.answer(record), add_special_tokens=False)
        return Asked([*given, *wanted, self._tokenizer.eos_token_id], len(given))


def _written(call: Call) -> str:
    name, args = call
    return f"{OPEN}\n{json.dumps({'name': name, 'arguments': args}, ensure_ascii=False)}\n{CLOSE}"


def batches(records: Sequence[Record], asker: Asker, plan: Plan, start: int) -> Iterator[list[Asked]]:
    """Endless batches in an order that the seed fixes, from batch `start` on; what is too long is left out."""
    rng, made = random.Random(plan.seed), 0
    while True:
        order = rng.sample(records, len(records))
        for at in range(0, len(order) - plan.batch + 1, plan.batch):
            made += 1
            if made <= start:
                continue
            found = [asker.tokens(record) for record in order[at : at + plan.batch]]
            if kept := [asked for asked in found if len(asked.ids) <= plan.longest]:
                yield kept


def loss_of(model: Any, batch: Sequence[Asked], device: str) -> torch.Tensor:
    """Mean cross entropy of the answers."""
    width = max(len(asked.ids) for asked in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for row, asked in enumerate(batch):
        size = len(asked.ids)
        ids[row, :size], mask[row, :size] = torch.tensor(asked.ids), 1
        labels[row, asked.prompt : size] = ids[row, asked.prompt : size]
    return model(input_ids=ids.to(device), attention_mask=mask.to(device), labels=labels.to(device)).loss


def adapted(base: Any, run: Path, plan: Plan) -> tuple[Any, int]:
    """The base model with the run's adapter and the step it stands at, or with a fresh one at step 0."""
    if (run / STEP_FILE).exists():
        step = json.loads((run / STEP_FILE).read_text(encoding="utf-8"))["step"]
        return PeftModel.from_pretrained(base, run / "peft", is_trainable=True), step
    torch.manual_seed(plan.seed)
    config = LoraConfig(
        r=plan.rank, lora_alpha=plan.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(base, config), 0


def fit(base: Any, records: Sequence[Record], asker: Asker, run: Path, plan: Plan) -> Any:
    """Trains the adapter and writes `run/adapter.gguf`; returns the model with the adapter in it."""
    log, mean = log_to("lora"), None
    model, step = adapted(base.to(plan.device), run, plan)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=plan.lr, weight_decay=0.0)
    if step:
        optimizer.load_state_dict(torch.load(run / OPTIMIZER_FILE, weights_only=True))
    log.info("%.2f M parameters to train, from step %d", sum(p.numel() for p in trained) / 1e6, step)
    model.train()
    for batch in batches(records, asker, plan, step):
        if step >= plan.steps:
            break
        for group in optimizer.param_groups:
            group["lr"] = plan.lr * min(1.0, (step + 1) / 20) * max(0.05, 1.0 - step / plan.steps)
        with torch.autocast(plan.device, torch.bfloat16, enabled=plan.bf16):
            loss = loss_of(model, batch, plan.device)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        step, mean = step + 1, smoothed(mean, loss.item())
        if step % 10 == 0:
            log.info("step %d of %d  loss %.3f", step, plan.steps, mean)
        if step % plan.save_steps == 0:
            save(model, optimizer, run, step)
    save(model, optimizer, run, step)
    write_adapter(run / "peft", base.config, run / "adapter.gguf")
    log.info("written: %s", run / "adapter.gguf")
    return model.eval()


def save(model: Any, optimizer: torch.optim.Optimizer, run: Path, step: int) -> None:
    """The adapter as PEFT keeps it; the step is written last, so that a broken-off save is done again."""
    model.save_pretrained(run / "peft")
    torch.save(optimizer.state_dict(), run / OPTIMIZER_FILE)
    beside = run / f"{STEP_FILE}.new"
    beside.write_text(json.dumps({"step": step}), encoding="utf-8")
    beside.replace(run / STEP_FILE)


def main() -> None:
    """Fine-tunes as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder of a Hugging Face causal language model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--bf16", action="store_true")
    for name, value in Plan(steps=1000)._asdict().items():
        if name != "bf16":
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    args = parser.parse_args()
    if not (args.base / "config.json").exists():
        parser.error(f"--base {args.base}: there is no config.json; give the folder of a Hugging Face model")
    plan = Plan(**{name: getattr(args, name) for name in Plan._fields})
    tokenizer = AutoTokenizer.from_pretrained(args.base, local_files_only=True)
    base = AutoModelForCausalLM.from_pretrained(args.base, local_files_only=True, dtype=torch.float32)
    args.out.mkdir(parents=True, exist_ok=True)
    fit(base, split(args.corpus)[0], Asker(tokenizer), args.out, plan)


if __name__ == "__main__":
    main()
