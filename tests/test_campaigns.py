"""Campaigns: what a file may say, when a rule holds, and that a rule never beats a hard filter."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.items import AGE_ORDER
from recommend.campaigns import MOST_STRENGTH, Audience, Campaign, CampaignError, Campaigns, Title, load
from recommend.caps import provider
from recommend.coarse import coarse
from recommend.fine import additive, fine
from recommend.mix import mix
from recommend.pbox import Factor
from recommend.pipeline import Pipeline
from recommend.promotion import aimed_at, aimless, hits, kept_in_place, placed, targets
from recommend.reading import read
from recommend.recall import recall
from recommend.request import Candidate, Event, History, Listener, Request
from tests.recommend_stage import NOW, catalogue, entry, models, pipeline, population, request, search
from tests.test_recommend_invariants import events, requests

CATALOGUE = catalogue()
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TITLE = Title(en="Spring of stories", zh="故事之春")
RULE = """
[[campaign]]
id = "spring"
title = { en = "Spring of stories", zh = "故事之春" }
kind = "pin"
target = ["%s"]
"""


def rule(kind: str, *target: str, **more: Any) -> Campaign:
    more.setdefault("id", f"{kind}-rule")
    return Campaign(kind=kind, title=TITLE, target=target, **more)


class Fixed(Campaigns):
    """Rules without a file."""

    def __init__(self) -> None:
        super().__init__()
        self.held: tuple[Campaign, ...] = ()

    def active(self, request: Request) -> tuple[Campaign, ...]:
        return tuple(campaign for campaign in self.held if campaign.on(request))


FIXED = Fixed()


@cache
def promoting() -> Pipeline:
    return Pipeline(CATALOGUE, search(), models(), campaigns=FIXED)


def with_rules(*rules: Campaign) -> Pipeline:
    """The one pipeline, under these rules until the next call."""
    FIXED.held = rules
    return promoting()


def rank(asked: Request, *rules: Campaign) -> list[Candidate]:
    """The mixed list, without the later stages."""
    reading = read(asked, CATALOGUE, models())
    ranked = fine(reading, coarse(reading, recall(reading, search())), additive)
    return mix(reading, ranked, [campaign for campaign in rules if campaign.on(asked)])


kinds = st.sampled_from(["pin", "boost", "bury"])
names = st.one_of(
    st.sampled_from([item.id for item in CATALOGUE.items]),
    st.sampled_from(["category:mystery", "category:kids", "tag:恐怖", "mood:funny", "author:Jane Austen", "gone-404"]),
    st.sampled_from(sorted({who for item in CATALOGUE.items if (who := provider(item))})).map("provider:{}".format),
)


@st.composite
def rules(draw: st.DrawFn) -> tuple[Campaign, ...]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        kind = draw(kinds)
        more: dict[str, Any] = {}
        if kind == "pin":
            more["position"] = draw(st.none() | st.integers(1, 15))
        else:
            more["strength"] = draw(st.floats(0.1, MOST_STRENGTH))
        if kind != "bury":
            more["cap"] = draw(st.none() | st.integers(1, 4))
        target = draw(st.lists(names, min_size=1, max_size=3))
        found.append(rule(kind, *target, id=f"rule-{number}", **more))
    return tuple(found)


@FEW
@given(requests(), rules())
def test_hard_filters_win_over_every_campaign(asked: Request, active: tuple[Campaign, ...]) -> None:
    slate = with_rules(*active).recommend(asked)
    allowed = read(asked, CATALOGUE, models()).allowed
    assert len(slate.cards) <= asked.size and len(set(slate.item_ids)) == len(slate.item_ids)
    assert all(allowed[card.candidate.row] for card in slate.cards)
    for item in map(CATALOGUE.item, slate.item_ids):
        assert item.available and AGE_ORDER.index(item.age) <= AGE_ORDER.index(asked.listener.age)
    assert sum(card.candidate.slot == "campaign" for card in slate.cards) <= asked.size // 3


@FEW
@given(requests(), rules())
def test_the_same_request_under_the_same_rules_gives_the_same_slate(
    asked: Request, active: tuple[Campaign, ...]
) -> None:
    first, again = (with_rules(*active).recommend(asked).model_copy(update={"trace": ()}) for _ in range(2))
    assert first == again


@FEW
@given(requests())
def test_no_file_and_no_rule_that_holds_leave_the_list_as_it_is(asked: Request) -> None:
    plain = pipeline().recommend(asked).model_copy(update={"trace": ()})
    over = rule("pin", "category:mystery", until=NOW - timedelta(days=1))
    for one in (with_rules(), with_rules(over)):
        assert one.recommend(asked).model_copy(update={"trace": ()}) == plain


def test_a_pinned_item_stands_on_its_place_and_says_why() -> None:
    far = next(item.id for item in CATALOGUE.items[::-1] if item.available and item.age == "all")
    for lang, words in (("en", "Promoted: Spring of stories"), ("zh", "推广：故事之春")):
        asked = request(listener=Listener(user_id="u", ui_language=lang))
        card = with_rules(rule("pin", far, position=3)).recommend(asked).cards[2]
        assert card.candidate.item_id == far and card.candidate.slot == "campaign"
        assert card.reason.text.startswith(words)
        assert card.reason.evidence[0] == "campaign:pin-rule"


def test_a_pin_of_a_kind_takes_the_best_of_it_for_this_listener_up_to_its_cap() -> None:
    ranked = rank(request(), rule("pin", "category:mystery", position=2, cap=2))
    assert [c.slot for c in ranked[:4]] == ["ranked", "campaign", "campaign", "ranked"]
    assert CATALOGUE.in_category("mystery")[[c.row for c in ranked[1:3]]].all()


def test_two_pins_of_one_place_stand_in_the_order_of_the_file() -> None:
    one, other = (item.id for item in CATALOGUE.items[:2])
    first, second = rule("pin", one, id="first"), rule("pin", other, id="second")
    assert [c.item_id for c in rank(request(), first, second)[:2]] == [one, other]
    assert [c.item_id for c in rank(request(), second, first)[:2]] == [other, one]
    assert len([c for c in rank(request(), rule("pin", "category:mystery", cap=9)) if c.slot == "campaign"]) == 2


def test_a_search_and_a_likeness_are_left_alone() -> None:
    far = rule("pin", CATALOGUE.items[-1].id)
    for asked in (request(intent="search", query="Dracula"), request(intent="similar", anchor="sf-001")):
        assert with_rules(far).recommend(asked).item_ids == pipeline().recommend(asked).item_ids


@pytest.mark.parametrize("intent", ["home", "more"])
def test_a_list_for_what_was_told_at_length_is_left_alone(intent: str) -> None:
    held = rule("pin", "category:mystery"), rule("boost", "category:kids"), rule("bury", "category:history")
    asked = request(intent=intent, told="a keeper of a lighthouse finds letters that were never sent")
    assert not any(campaign.on(asked) for campaign in held)
    assert with_rules(*held).recommend(asked).item_ids == pipeline().recommend(asked).item_ids
    assert all(campaign.on(request(intent=intent)) for campaign in held)


@FEW
@given(st.integers(0, 79), st.floats(0.1, MOST_STRENGTH), st.floats(0.1, MOST_STRENGTH), st.lists(events, max_size=10))
def test_a_stronger_boost_never_lowers_its_item(place: int, one: float, other: float, past: list[Event]) -> None:
    low, high = sorted((one, other))
    asked = request(entry(Factor.NOVELTY, "", 0.0), history=History(events=tuple(past)), size=12)
    reading = read(asked, CATALOGUE, models())
    ranked = fine(reading, coarse(reading, recall(reading, search())), additive)
    item_id = ranked[place].item_id

    def position(*active: Campaign) -> int:
        ids = [c.item_id for c in mix(reading, ranked, active)]
        return ids.index(item_id) if item_id in ids else len(ids)

    weak, strong = (position(rule("boost", item_id, strength=strength)) for strength in (low, high))
    assert strong <= weak <= position()
    buried, deep = (position(rule("bury", item_id, strength=strength)) for strength in (low, high))
    assert position() <= buried <= deep


@FEW
@given(rules(), requests())
def test_shifts_are_bounded_and_kept_in_the_provenance(active: tuple[Campaign, ...], asked: Request) -> None:
    for candidate in rank(asked, *active):
        own = [effect for effect in candidate.effects if effect.factor == "campaign"]
        assert abs(sum(effect.shift for effect in own)) <= MOST_STRENGTH + 1e-9
        assert {effect.key for effect in own} <= {campaign.id for campaign in active}
        if candidate.promotion:
            told = next(campaign for campaign in active if campaign.id == candidate.promotion.campaign)
            assert told.kind != "bury"
            assert aimed_at(CATALOGUE, told, np.array([candidate.row])).all()


def test_several_boosts_of_one_item_stay_within_the_bound() -> None:
    item_id = rank(request())[1].item_id
    both = [rule("boost", item_id, strength=MOST_STRENGTH, id=f"boost-{n}") for n in range(2)]
    lifted = next(c for c in rank(request(), *both) if c.item_id == item_id)
    assert sum(effect.shift for effect in lifted.effects) == pytest.approx(MOST_STRENGTH)
    evened = rank(request(), both[0], rule("bury", item_id, strength=MOST_STRENGTH))
    assert [c.item_id for c in evened] == [c.item_id for c in rank(request())]


def test_a_pin_that_may_not_be_shown_leaves_its_place_to_the_next() -> None:
    one, other = (item.id for item in CATALOGUE.items[:2])
    asked = request(entry(Factor.BLOCK, f"item:{one}", 1.0))
    slate = rank(asked, rule("pin", one, other))
    assert slate[0].item_id == other and len(slate) == 6
    assert [c.item_id for c in rank(asked, rule("pin", one))] == [c.item_id for c in rank(asked)]


def test_a_buried_item_sinks_and_is_never_removed() -> None:
    plain = request(entry(Factor.BLOCK, "category:kids", 1.0), intent="trending", category="comedy", size=5)
    first = rank(plain)[0]
    assert first.item_id != rank(plain, rule("bury", first.item_id, strength=MOST_STRENGTH))[0].item_id
    every = [f"category:{category.path}" for category in CATALOGUE.words.taxonomy.children(None)]
    assert len(rank(request(), rule("bury", *every, strength=MOST_STRENGTH))) == 6


def test_the_cap_of_a_boost_is_a_number_of_items() -> None:
    boost = rule("boost", "category:mystery", strength=MOST_STRENGTH, cap=1)
    lifted = [c for c in rank(request(size=12), boost) if c.promotion]
    assert len(lifted) == 1 and lifted[0].effects[-1].shift == MOST_STRENGTH


def test_the_recall_source_holds_what_is_pinned_or_boosted() -> None:
    reading = read(request(), CATALOGUE, models())
    who = next(name for item in CATALOGUE.items if item.format == "podcast" and (name := item.narrator))
    found = hits(
        reading, [rule("boost", f"provider:{who}", strength=1.5), rule("pin", "my-001"), rule("bury", "sf-001")]
    )
    assert found is not None
    shown = dict(zip([CATALOGUE.items[row].id for row in found[0]], found[1].tolist(), strict=True))
    assert shown.pop("my-001") == 1.0 and set(shown.values()) == {0.5}
    assert {provider(CATALOGUE.item(item_id)) for item_id in shown} == {who}
    assert hits(reading, [rule("bury", "sf-001"), rule("pin", "gone-404")]) is None


@FEW
@given(names)
def test_a_target_means_the_same_over_all_rows_as_over_a_few(name: str) -> None:
    aimed = rule("boost", name)
    mask = aimed_at(CATALOGUE, aimed, np.arange(len(CATALOGUE)))
    assert np.flatnonzero(mask).tolist() == targets(CATALOGUE, aimed).tolist()
    assert len(aimless(CATALOGUE, [aimed])) == (not mask.any())


def test_a_reranker_moves_no_pinned_place() -> None:
    mixed = [Candidate(item_id=str(n), row=n, sources={}, slot="campaign" if n == 1 else "ranked") for n in range(4)]
    assert [c.row for c in kept_in_place(mixed, mixed[::-1])] == [3, 1, 2, 0]


@given(st.lists(st.integers(0, 9), max_size=6), st.dictionaries(st.integers(1, 12), st.integers(10, 19), max_size=4))
def test_placing_keeps_every_item_and_the_order_of_the_others(others: list[int], places: dict[int, int]) -> None:
    slate = placed(others, places)
    assert [one for one in slate if one < 10] == others
    assert sorted(slate) == sorted([*others, *places.values()])
    for place, one in places.items():
        if place <= len(others) + 1:
            assert slate[place - 1] == one


def test_a_rule_holds_within_its_dates_and_for_its_audience() -> None:
    day = timedelta(days=1)
    assert rule("pin", "my-001", since=NOW, until=NOW + day).on(request())
    assert not rule("pin", "my-001", since=NOW + day).on(request())
    assert not rule("pin", "my-001", until=NOW).on(request())
    persona = next(person for person in population()[0] if person.persona)
    past = History(events=(Event(user_id="u", item_id="my-001", kind="like", at=NOW),))
    chinese, child = Listener(user_id="u", ui_language="zh"), Listener(user_id="u", age="7+")
    for audience, inside, outside in (
        (Audience(ui_language=("zh",)), request(listener=chinese), request()),
        (Audience(ages=("7+",)), request(listener=child), request()),
        (Audience(personas=False), request(), request(listener=persona)),
        (Audience(listeners="new"), request(), request(history=past)),
        (Audience(listeners="known"), request(history=past), request()),
    ):
        assert rule("pin", "my-001", audience=audience).on(inside)
        assert not rule("pin", "my-001", audience=audience).on(outside)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('kind = "pinn"', r"campaigns.toml:2: campaign 'spring': kind='pinn': .*'pin', 'boost' or 'bury'"),
        ("strength = 9", r"campaign 'spring': strength=9: .*less than or equal to 3"),
        ("strength = 1", r"strength=1 says nothing about a pin"),
        ("position = 0", r"position=0: .*greater than or equal to 1"),
        ("until = 2026-01-01T00:00:00", r"until=.*timezone"),
        ("from = 2026-02-01T00:00:00Z\nuntil = 2026-01-01T00:00:00Z", "must come after from"),
        ("cupp = 2", r"unknown 'cupp'; allowed are \['audience', 'cap', 'from'"),
        ('audience = { ages = ["old"] }', r"audience.ages.0='old': .*'18\+'"),
        ('target = ["catgory:horror"]', r"target=\['catgory:horror'\]: no kind 'catgory'; use one of \['category'"),
        ("cap = ", r"campaigns.toml: .*line 7"),
    ],
)
def test_a_bad_file_is_refused_with_the_place_the_value_and_what_is_allowed(
    tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "campaigns.toml"
    text = RULE % "my-001"
    field = line.partition(" ")[0]
    kept = [old for old in text.splitlines() if not old.startswith(f"{field} =")]
    text = "\n".join([*kept, line, ""])
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CampaignError, match=said):
        load(path)
    with pytest.raises(CampaignError):
        Campaigns(path)


def test_the_same_id_twice_and_a_strange_table_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "campaigns.toml"
    path.write_text(RULE % "my-001" + RULE % "my-002", encoding="utf-8")
    with pytest.raises(CampaignError, match=r":8: .*'spring' stands there twice"):
        load(path)
    path.write_text("[[campain]]\nid = 1\n", encoding="utf-8")
    with pytest.raises(CampaignError, match=r"unknown 'campain'; allowed is \[\[campaign\]\]"):
        load(path)


def test_a_changed_file_is_read_again_and_a_bad_one_leaves_the_rules_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, asked = tmp_path / "campaigns.toml", request()
    campaigns = Campaigns(path)

    def write(text: str, second: int) -> None:
        path.write_text(text, encoding="utf-8")
        os.utime(path, (second, second))

    def pinned() -> list[str]:
        return [name for campaign in campaigns.active(asked) for name in campaign.target]

    assert pinned() == []
    write(RULE % "my-001", 1000)
    assert pinned() == ["my-001"]
    write(RULE % "my-002", 1001)
    assert pinned() == ["my-002"]
    with caplog.at_level(logging.ERROR):
        write("[[campaign]]\nid = ", 1002)
        assert pinned() == pinned() == ["my-002"]
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1 and "kept as they were" in caplog.text
    path.unlink()
    assert pinned() == []
