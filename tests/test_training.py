"""Rules of the training data: labels stay true, the test is never trained on, hints follow the targets."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from catalog.demo import FOLDER
from chat.llm.context import Context
from chat.llm.dsl import POINTER0
from chat.llm.schema import TOOLS
from chat.llm.understanding import WEIGHTS
from lab.understanding.augment import (
    Pools,
    augment,
    catalogue_pools,
    corpus_pools,
    discussable,
    discussed,
    in_hours,
    joinable,
    joined,
    library_pools,
    merged,
    name_pools,
    takes_back,
)
from lab.understanding.average import averaged
from lab.understanding.batches import Batch, Stream, alike, blurred, hinted
from lab.understanding.corpus import Call, Example, Record, example, gate_records, split
from lab.understanding.fit import Recipe, averaging, fit, greedy_share, resumed, save, told_earlier
from lab.understanding.model import FUSED, build
from lab.understanding.origins import MINILM
from lab.understanding.restore import restore
from lab.understanding.schedule import TimedSchedule


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return split()[0]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))


def copyable(record: Record, tokenizer: Tokenizer) -> bool:
    return example(record, tokenizer) is not None


def test_a_variant_can_be_labelled_wherever_its_original_can(records: list[Record], tokenizer: Tokenizer) -> None:
    rng = random.Random(3)
    pools = corpus_pools(records)
    some = [
        record
        for record in rng.sample(records, 400)
        if copyable(record._replace(readings=record.readings[:1]), tokenizer)
    ]
    lost = [record for record in some if not copyable(augment(record, pools, rng), tokenizer)]
    assert len(lost) <= len(some) * 0.02


def test_joined_utterances_have_the_calls_of_both_in_order(records: list[Record], tokenizer: Tokenizer) -> None:
    rng = random.Random(4)
    alone = [record for record in records if joinable(record)]
    for _ in range(100):
        first = rng.choice(alone)
        second = rng.choice([record for record in alone if record.lang == first.lang and not takes_back(record)])
        both = joined(first, second, rng)
        assert both.readings == ((*first.readings[0], *second.readings[0]),)
        assert both.utterance.lower().endswith(second.utterance.lower()[1:])


SHOWN = ("StarTalk", "Meditations", "Body by Science", "Breath")
SKIP_1, TIRED = ("record_feedback", {"item": "1", "signal": "skip"}), ("block_content", {"kind": "tag", "name": "sad"})


def said(utterance: str, *calls: Call, shown: tuple[str, ...] = ()) -> Record:
    return Record("made-1", "en", Context(shown=shown), utterance, (calls,))


def variants(record: Record, pools: Pools, count: int = 60) -> list[Record]:
    rng = random.Random(8)
    return [augment(record, pools, rng) for _ in range(count)]


def test_a_title_that_is_meant_by_its_place_stays_on_the_list() -> None:
    pools = {("en", "title"): ["Emma", "Dracula"]}
    shown = [made.context.shown for made in variants(said("skip tyson", SKIP_1, shown=SHOWN), pools)]
    assert {titles[0] for titles in shown} == {"StarTalk"} and len({titles[3] for titles in shown}) == 3


def test_a_name_is_kept_where_another_would_say_something_else() -> None:
    pools = {("en", "title"): ["Emma", "Dracula"] * 3, ("en", "query"): ["Kipling"], ("en", "tag"): ["dragons"]}
    like = ("record_feedback", {"item": "body", "signal": "like"})
    part = variants(said("body is fine, the rest is homework", like, shown=SHOWN), pools)
    bare = variants(said("Middlemarch", ("search_catalog", {"query": "Middlemarch"})), pools)
    blocked = variants(said("I'm tired of sad ones", TIRED), pools)
    named = [made.readings[0][0][1] for made in (*part, *bare, *blocked)]
    assert {args.get("item") or args.get("query") or args["name"] for args in named} == {"body", "Middlemarch", "sad"}


def test_what_is_not_wanted_ends_before_the_next_wish_begins() -> None:
    first = said("I'm tired of sad ones", TIRED)
    second = said("more dragons", ("update_entity_weight", {"kind": "tag", "name": "dragons", "weight_increase": 0.3}))
    rng = random.Random(5)
    assert all(joined(first, second, rng).utterance[len(first.utterance)] in ".;" for _ in range(40))


@pytest.mark.parametrize("back", [("undo_last_change", {}), ("reset_preferences", {"dimension": "all"})])
def test_nothing_is_taken_back_in_the_breath_in_which_it_was_wished(back: Call) -> None:
    more, other = ("update_interest_weight", {"category": "history", "weight_increase": 0.3}), said("never mind", back)
    rng = random.Random(5)
    assert joined(said("more history", more), other, rng) == said("more history", more)
    assert joined(other, said("more history", more), rng).readings == ((back, more),)


BLOCKED_GENRE = ("block_content", {"kind": "category", "name": "言情"})


def test_a_blocked_genre_is_swapped_for_genres_that_were_blocked_only() -> None:
    liked = ("update_interest_weight", {"category": "恐怖", "weight_increase": 0.3})
    dark = ("block_content", {"kind": "tag", "name": "恐怖"})
    others = (
        ("多来点恐怖", liked),
        ("太恐怖的不要", dark),
        ("别推相声了", (BLOCKED_GENRE[0], {"kind": "category", "name": "相声"})),
    )
    made = [said(text, call)._replace(lang="zh") for text, call in others]
    pools = merged(corpus_pools(made), name_pools(), catalogue_pools(FOLDER), library_pools(FOLDER))
    found = variants(said("不要言情的", BLOCKED_GENRE)._replace(lang="zh"), pools)
    assert {record.readings[0][0][1]["name"] for record in found} == {"言情", "相声"}


def test_a_length_is_also_said_in_hundreds_of_minutes_and_in_hours() -> None:
    found = variants(
        said("nothing over 45 minutes please", ("set_length", {"max_minutes": 45})),
        {("en", "title"): ["Emma"] * 6},
        400,
    )
    lengths = [(record.utterance.lower(), record.readings[0][0][1]["max_minutes"]) for record in found]
    assert any(minutes >= 100 and f" {minutes} minutes" in text for text, minutes in lengths)
    in_words = [(text, minutes) for text, minutes in lengths if " hour" in text]
    assert any("." in text.rstrip(".") for text, _ in in_words)
    for text, minutes in in_words:
        numbers = [float(part) for part in re.findall(r"\d+(?:\.\d+)?", text)]
        assert minutes == sum(number * unit for number, unit in zip(numbers, (60, 1), strict=False))


def test_a_length_in_hours_is_said_in_both_languages() -> None:
    said_so = {
        (lang, n): {in_hours(n, lang, random.Random(k)) for k in range(9)}
        for lang in ("en", "zh")
        for n in (60, 90, 125)
    }
    assert said_so["en", 60] == {"1 hour"} and said_so["zh", 60] == {"1小时"}
    assert said_so["en", 90] == {"1 hour 30 minutes", "1.5 hours"} and said_so["zh", 90] == {"1小时30分钟", "1.5小时"}
    assert said_so["en", 125] == {"2 hours 5 minutes"} and said_so["zh", 125] == {"2小时5分钟"}


def test_the_longest_utterances_are_trained_on_too(records: list[Record]) -> None:
    short = [record for record in records if record.lang == "en" and len(record.utterance) < 20][:40]
    long = max(records[:2000], key=lambda record: len(record.utterance) * (record.lang == "en"))
    stream = iter(Stream([*short, long], {}, WEIGHTS / "tokenizer.json", 8, seed=1, augmented=False))
    widths = [next(stream).ids.shape[1] for _ in range(50)]
    assert sum(width == max(widths) for width in widths) >= 7  # of ten epochs; it is left out of one in eight by chance


def test_batches_hold_each_example_once_and_pad_less_than_chance_would(
    records: list[Record], tokenizer: Tokenizer
) -> None:
    ready = [made for record in records[:600] if (made := example(record, tokenizer))][:512]
    groups = list(alike(ready, 16))
    assert all(len(group) == 16 for group in groups)
    assert sorted(made for group in groups for made in group) == sorted(ready)

    def area(batches: list[list[Example]]) -> int:
        return sum(max(len(m.source) for m in b) + max(len(m.target) for m in b) for b in batches)

    assert area(groups) < 0.8 * area([ready[at : at + 16] for at in range(0, 512, 16)])


def test_the_fused_attention_of_gpus_reads_the_same(records: list[Record], tokenizer: Tokenizer) -> None:
    (model,) = build(tokenizer.get_vocab_size(), [1])
    batch = Batch.of([made for record in records[:40] if (made := example(record, tokenizer))])
    real = batch.mask.bool()
    with torch.no_grad():
        plain = model.eval().states(batch.ids, batch.mask)[real]
        model.encoder.set_attn_implementation(FUSED)
        torch.testing.assert_close(model.states(batch.ids, batch.mask)[real], plain, rtol=1e-3, atol=1e-4)


def test_only_what_does_not_lean_on_an_item_is_said_while_one_is_under_discussion(records: list[Record]) -> None:
    rng = random.Random(6)
    able = [record for record in records if discussable(record)]
    assert len(able) > 1000
    for record in rng.sample(able, 300):
        said = discussed(record, rng)
        assert said.context.about in said.context.shown and said.readings == record.readings
        assert said.utterance == record.utterance and not discussable(said)
    leaning = [r for r in records if any("this" in args.values() for _, args in r.readings[0])]
    assert leaning and not any(map(discussable, leaning))


def test_no_utterance_of_the_test_is_trained_on() -> None:
    train, test = split()
    assert test and not {(r.utterance, r.context) for r in train} & {(r.utterance, r.context) for r in test}


def test_hidden_words_leave_length_ends_and_target_alone(records: list[Record], tokenizer: Tokenizer) -> None:
    made = example(records[0], tokenizer)
    assert made is not None
    hidden = blurred(made, 103, random.Random(0))
    assert (len(hidden.source), hidden.source[0], hidden.source[-1]) == (
        len(made.source),
        made.source[0],
        made.source[-1],
    )
    assert hidden.target == made.target


def test_hints_mark_the_tools_called_and_the_words_that_are_names(records: list[Record], tokenizer: Tokenizer) -> None:
    for record in records[:200]:
        made = example(record, tokenizer)
        if made is None:
            continue
        tools, words = hinted([made.target], len(made.source))
        pointed = [token - POINTER0 for token in made.target if token >= POINTER0]
        assert all(words[0, place] > 0 for place in pointed)
        assert int((words > 0).sum()) <= len(made.source) and tools.shape == (1, len(TOOLS))
        assert int(tools.sum()) <= len(record.readings[0]) or record.readings[1:]


def test_an_average_lies_between_its_runs_and_other_shapes_are_refused() -> None:
    one, other = {"a": torch.zeros(3), "n": torch.tensor(1)}, {"a": torch.ones(3), "n": torch.tensor(7)}
    mean = averaged(one, other, 0.65)
    assert torch.allclose(mean["a"], torch.full((3,), 0.65)) and int(mean["n"]) == 7
    with pytest.raises(ValueError, match="different shapes"):
        averaged(one, {"a": torch.ones(4), "n": torch.tensor(7)}, 0.5)


def test_the_gate_is_judged_on_records_that_are_neither_trained_on_nor_the_test() -> None:
    train, test = split()
    gate = {(record.utterance, record.context) for record in gate_records()}
    assert len(gate) > 1000
    assert not gate & {(record.utterance, record.context) for record in [*train, *test]}


def test_training_can_go_on_from_the_weights_that_ship(tmp_path: Path, records: list[Record]) -> None:
    assert restore(WEIGHTS, tmp_path) > 0.98
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    model, step = resumed(tmp_path, tokenizer, Recipe())
    assert step > 0 and told_earlier(tmp_path)["restored_from"], "the card goes on telling what was done before"
    mean = averaging(model, tmp_path, 0.998).module
    assert all(torch.equal(one, other) for one, other in zip(mean.parameters(), model.parameters(), strict=True))
    share = greedy_share(model.eval(), records[:200], tokenizer, "cpu")
    assert share["en"] > 0.6  # a model that lost anything on the way reads next to nothing
    with pytest.raises(FileExistsError, match="already"):
        restore(WEIGHTS, tmp_path)


class TwoSteps(TimedSchedule):
    """A schedule that ends after two steps, however long they take."""

    def step(self) -> bool:
        return super().step() and self._steps <= 2


def test_a_run_that_goes_on_keeps_its_averaged_weights(
    tmp_path: Path, records: list[Record], tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.understanding.fit.TimedSchedule", TwoSteps)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    last, bridge = build(tokenizer.get_vocab_size(), [1]).state_dict(), "models.0.bridge.weight"
    mean = {**last, bridge: last[bridge] + 0.1}
    made = {"layers": [1], "origins": [MINILM], "step": 7, "seed": 1, "told": {}}
    save(tmp_path / "model.pt", {"model": mean, "last": last, **made})
    more = Recipe(origins=(MINILM, MINILM), layers=1)
    grown = averaging(resumed(tmp_path, tokenizer, more)[0], tmp_path, 0.998)
    assert not grown.n_averaged, "an average of fewer models is not one of these"
    short = [record for record in records if len(record.utterance) < 30][:24]
    kept = fit(tmp_path, short, {}, Recipe(origins=(MINILM,), batch=4, augmented=False))
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    for state in (kept.state_dict(), saved["model"]):
        assert torch.allclose(state[bridge], mean[bridge], atol=0.01)
    assert saved["step"] == 9 and torch.allclose(saved["last"][bridge], last[bridge], atol=0.01)
