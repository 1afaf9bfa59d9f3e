"""The whole way of a fine-tuned chat model, with a tiny random one: train, export, load, and it answers as trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from langchain_core.utils.function_calling import convert_to_openai_tool
from llama_cpp import Llama

from chat.llm.context import Context
from lab.understanding.adapter import AdapterError, architecture
from lab.understanding.corpus import Record
from lab.understanding.lora import IGNORED, Asker, Plan, batches, fit, loss_of
from tests.tiny_gguf import as_hugging_face, write_model
from tools.registry import all_tools

TOOLS = [convert_to_openai_tool(tool) for tool in all_tools() if tool.name == "set_payment"]
FREE = Record("a", "en", Context(), "free only", ((("set_payment", {"access": "free"}),),))
RECORDS = [FREE, Record("b", "zh", Context(shown=("三体",)), "都行", ((("set_payment", {"access": "any"}),),))]
PLAN = Plan(steps=140, batch=2, lr=2e-2, rank=8, alpha=16, save_steps=1000)


class _Short:
    """Stands in for the prompt texts: a page of instructions in single letters would take minutes."""

    def say(self, key: str, lang: str, **values: Any) -> str:
        return f"{key} {lang}"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("base") / "base.gguf")


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Asker, Path]:
    run = tmp_path_factory.mktemp("run")
    model, tokenizer = as_hugging_face(base)
    asker = Asker(tokenizer, TOOLS, _Short())
    return fit(model, RECORDS, asker, run, PLAN), asker, run


def logits(model: Llama, ids: list[int]) -> np.ndarray:
    model.reset()
    model.eval(ids)
    return np.array(model.scores[: len(ids)])


def test_llama_cpp_computes_with_the_adapter_what_peft_computes(base: Path, trained: tuple[Any, Asker, Path]) -> None:
    model, asker, run = trained
    ids = asker.tokens(FREE).ids
    with torch.no_grad():
        wanted = model(input_ids=torch.tensor([ids])).logits[0].numpy()
    loaded = Llama(str(base), lora_path=str(run / "adapter.gguf"), n_ctx=2048, logits_all=True, verbose=False)
    got = logits(loaded, ids)
    loaded.close()
    assert np.corrcoef(wanted.ravel(), got.ravel())[0, 1] > 0.999


def test_the_adapter_makes_the_model_answer_as_trained(base: Path, trained: tuple[Any, Asker, Path]) -> None:
    _, asker, run = trained
    asked = asker.tokens(FREE)
    given, wanted = asked.ids[: asked.prompt], asked.ids[asked.prompt :]
    answers = []
    for lora in (None, str(run / "adapter.gguf")):
        model = Llama(str(base), lora_path=lora, n_ctx=2048, logits_all=True, verbose=False)
        best = logits(model, asked.ids)[len(given) - 1 : -1].argmax(1)
        answers.append(float((best == np.array(wanted)).mean()))
        model.close()
    assert answers[0] < 0.2 and answers[1] > 0.95


def test_a_run_that_was_broken_off_goes_on_from_its_last_step(base: Path, tmp_path: Path) -> None:
    _, tokenizer = as_hugging_face(base)
    asker = Asker(tokenizer, TOOLS, _Short())
    fit(as_hugging_face(base)[0], RECORDS, asker, tmp_path, PLAN._replace(steps=2))
    fit(as_hugging_face(base)[0], RECORDS, asker, tmp_path, PLAN._replace(steps=5))
    assert json.loads((tmp_path / "step.json").read_text(encoding="utf-8")) == {"step": 5}


def test_only_the_answer_is_learnt(base: Path) -> None:
    model, tokenizer = as_hugging_face(base)
    asked = Asker(tokenizer, TOOLS).tokens(FREE)
    seen: dict[str, torch.Tensor] = {}

    class Spy:
        def __call__(self, **given: torch.Tensor) -> Any:
            seen.update(given)
            return type("Out", (), {"loss": torch.tensor(0.0)})

    loss_of(Spy(), [asked], "cpu")
    learnt = seen["labels"][0] != IGNORED
    assert not learnt[: asked.prompt].any() and learnt[asked.prompt :].all()
    answer = tokenizer.decode(asked.ids[asked.prompt :], skip_special_tokens=False)
    assert '"access": "free"' in answer and answer.endswith("<|im_end|>")


def test_the_same_seed_gives_the_same_batches_from_any_step(base: Path) -> None:
    _, tokenizer = as_hugging_face(base)
    asker = Asker(tokenizer, TOOLS)
    whole, later = (
        batches(RECORDS, asker, PLAN._replace(batch=1), 0),
        batches(RECORDS, asker, PLAN._replace(batch=1), 2),
    )
    first = [next(whole) for _ in range(4)]
    assert [next(later) for _ in range(2)] == first[2:]


def test_an_architecture_that_llama_cpp_lacks_is_named() -> None:
    assert architecture("qwen2")
    with pytest.raises(AdapterError, match="'no-such-model'"):
        architecture("no-such-model")
