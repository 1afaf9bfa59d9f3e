"""Invariant 5: every part of every reason is held by the item's record, the PBox or the listener's own history."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.items import Item, under
from catalog.spelling import contains, form
from prompts.texts import Texts
from recommend.amounts import count, duration
from recommend.claims import TOLD_NEAR, Claim, claims
from recommend.explain import _told
from recommend.kinship import branch, related
from recommend.pbox import Factor
from recommend.reading import read
from recommend.request import Candidate, Effect, Listener, Request, UiLanguage
from tests.recommend_stage import NOW, catalogue, entry, history, models, pipeline, population, request
from tests.test_recommend_invariants import requests

CATALOGUE = catalogue()
PERSONAS = [person for person in population()[0] if person.persona]
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def held(evidence: str, item: Item, asked: Request) -> bool:
    """A second, plain reading of the record: independent of the code that made the claim."""
    head, _, rest = evidence.partition(":")
    match head:
        case "source":
            return held_by_source(rest, item, asked)
        case "shared":
            kind, _, name = rest.partition(":")
            anchor = CATALOGUE.item(asked.anchor or "")
            found = {"author": (item.author,), "tag": item.tags, "category": item.categories}[kind]
            other = {"author": (anchor.author,), "tag": anchor.tags, "category": anchor.categories}[kind]
            return name in found and name in other
        case "history":
            return held_by_history(rest, item, asked)
        case "attribute":
            return {"rating": item.rating >= 4.3, "plays": item.plays > 0}.get(rest, True)
        case _:
            return held_by_wish(head, rest, item, asked)


def held_by_source(rest: str, item: Item, asked: Request) -> bool:
    kind, _, name = rest.partition(":")
    touched = [CATALOGUE.item(e.item_id) for e in asked.history.events if e.kind != "impression"]
    if kind == "novel":
        return under(item.category, name) and not any(under(p, name) for other in touched for p in other.categories)
    if kind == "similar":
        return name == asked.anchor or name in {other.id for other in touched}
    if kind == "collaborative":
        together = models().liked_both(CATALOGUE.row[name], CATALOGUE.row[item.id])
        return together >= 2 and name in {other.id for other in touched}
    if kind == "query" and name == "description":
        return contains(form(item.description), form(asked.query or ""))
    if kind == "query" and name.startswith("category:"):
        members = CATALOGUE.words.taxonomy.members(name.partition(":")[2])
        return any(under(own, member) for own in item.categories for member in members)
    if kind == "query" and name.startswith("format:"):
        return item.format == name.partition(":")[2]
    return kind in {"trending", "query"}


def held_by_history(rest: str, item: Item, asked: Request) -> bool:
    kind, _, name = rest.partition(":")
    mine = {(e.kind, e.item_id) for e in asked.history.events}
    if kind == "habit":
        own = [CATALOGUE.item(item_id) for event, item_id in mine if event != "impression"]
        return sum(any(branch(p) == name for p in other.categories) for other in own) >= 3
    if kind == "heard":
        return ("play", name) in mine or ("finished", name) in mine
    return (kind, name) in mine and related(CATALOGUE.item(name), item)


def held_by_wish(factor: str, key: str, item: Item, asked: Request) -> bool:
    said = asked.pbox.entry(Factor(factor), key)
    if said is None:
        return False
    up = said.value > 0
    match said.factor:
        case Factor.CATEGORY:
            return up and any(under(path, key) for path in item.categories)
        case Factor.MOOD | Factor.SCENE | Factor.ENTITY:
            kind, name = key.split(":", 1) if ":" in key else (factor, key)
            return up and bool(CATALOGUE.holds(kind, name)[CATALOGUE.row[item.id]])
        case Factor.STATUS:
            return (item.status == "completed") == up
        case Factor.ACCESS:
            return (item.access == "paid") == up
        case Factor.LENGTH:
            bounds = asked.pbox.of(Factor.LENGTH)
            most = min((bound.value for bound in bounds if bound.key == "max"), default=math.inf)
            least = max((bound.value for bound in bounds if bound.key == "min"), default=0.0)
            return least * 0.9999 <= item.sitting_minutes <= most * 1.0001
        case Factor.RECENCY if not up:
            return bool(item.year) and item.year <= asked.now.year - 20
        case Factor.RECENCY:
            return (asked.now.date() - item.added).days <= 731
        case _:
            return True


@MANY
@given(requests())
def test_5_every_reason_is_held_by_the_record(asked: Request) -> None:
    for card in pipeline().recommend(asked).cards:
        item = CATALOGUE.item(card.candidate.item_id)
        assert card.reason.text and card.reason.evidence
        for evidence in card.reason.evidence:
            assert held(evidence, item, asked), (evidence, item.title, card.reason.text)


@MANY
@given(st.sampled_from(PERSONAS), st.sampled_from(["home", "more", "discover", "trending"]))
def test_5_reasons_of_personas_are_held_by_their_history(person: Listener, intent: str) -> None:
    asked = request(listener=person, history=history(person.user_id), intent=intent, size=12)
    for card in pipeline().recommend(asked).cards:
        for evidence in card.reason.evidence:
            assert held(evidence, CATALOGUE.item(card.candidate.item_id), asked)


@MANY
@given(requests())
def test_5_numbers_and_names_in_claims_are_those_of_the_record(asked: Request) -> None:
    reading, lang = read(asked, CATALOGUE, models()), asked.ui_language
    for card in pipeline().recommend(asked).cards:
        item = CATALOGUE.item(card.candidate.item_id)
        right = {
            "rating": f"{item.rating:.1f}", "count": count(item.ratings_count, lang), "plays": count(item.plays, lang),
            "length": duration(item.sitting_minutes, lang), "year": str(item.year), "added": f"{item.added:%Y-%m}",
            "author": item.author,
        }  # fmt: skip
        for claim in claims(reading, card.candidate):
            for name, value in claim.values.items():
                if name in right:
                    assert value == right[name]
                if name == "tag":
                    assert value in item.tags


def test_a_text_that_occurs_twice_is_told_once_in_its_weightiest_place() -> None:
    wished = Claim("rated", ("quality",), 2.8, wished=True)
    others = [Claim(text, (text,), weight) for text, weight in (("history_like", 0.9), ("habit", 0.7))]
    found = [wished, *others, Claim("rated", ("attribute:rating",), 0.45), Claim("plain", ("attribute:minutes",), 0.0)]
    assert _told(found) == [wished, others[0]]
    moods = [Claim("mood", (f"mood:{slug}",), weight, wished=True) for slug, weight in (("funny", 3.0), ("cozy", 1.2))]
    scene = Claim("scene", ("scene:bedtime",), 2.0, wished=True)
    assert _told([moods[0], scene, moods[1], found[-1]]) == [moods[0], scene]


def test_a_block_or_a_disliked_mood_is_never_given_as_a_reason() -> None:
    asked = request(entry(Factor.MOOD, "scary", -0.8), entry(Factor.BLOCK, "tag:恐怖", 1.0))
    evidence = {mark for card in pipeline().recommend(asked).cards for mark in card.reason.evidence}
    assert "mood:scary" not in evidence
    assert not any(mark.startswith("block") for mark in evidence)


def test_a_liked_word_that_brings_a_whole_category_is_no_reason_where_the_record_lacks_it() -> None:
    cards = pipeline().recommend(request(entry(Factor.ENTITY, "tag:golf", 0.8))).cards
    assert any("news/society/sports" in CATALOGUE.item(card.candidate.item_id).categories for card in cards)
    assert not any("golf" in card.reason.text for card in cards)


def test_a_wish_is_told_in_the_language_of_the_page() -> None:
    wishes = (entry(Factor.MOOD, "healing", 0.8), entry(Factor.SCENE, "bedtime", 0.8))
    english = pipeline().recommend(request(*wishes)).cards[0].reason.text
    chinese = (
        pipeline().recommend(request(*wishes, listener=Listener(user_id="u", ui_language="zh"))).cards[0].reason.text
    )
    assert "healing" in english.lower() and "bedtime" in english
    assert "治愈" in chinese and "睡前" in chinese


def test_every_claim_has_its_text_in_both_languages() -> None:
    texts = Texts.load()
    named = {name for name in texts.names("reasons")}
    for person in PERSONAS:
        reading = read(request(listener=person, history=history(person.user_id)), CATALOGUE, models())
        for row in range(0, len(CATALOGUE), 40):
            candidate = Candidate(item_id=CATALOGUE.items[row].id, row=row, sources={"collaborative": 1.0})
            assert {claim.text for claim in claims(reading, candidate)} <= named


def test_lengths_and_counts_read_naturally() -> None:
    assert [duration(m, "en") for m in (0.2, 45, 60, 735)] == ["1 min", "45 min", "1 h", "12 h 15 min"]
    assert duration(735, "zh") == "12小时15分钟"
    assert [count(n, "en") for n in (950, 12_000, 415_842, 1_089_540)] == ["950", "12K", "415K", "1M"]
    assert [count(n, "zh") for n in (8170, 89_000, 1_089_540)] == ["8170", "8.9万", "108万"]


def searched(query: str, item: Item, lang: UiLanguage) -> str:
    """What is first said of an item that was looked for."""
    listener = Listener(user_id="u", ui_language=lang)
    asked = request(intent="search", query=query, listener=listener)
    candidate = Candidate(item_id=item.id, row=CATALOGUE.row[item.id], sources={"query": 1.0})
    first = claims(read(asked, CATALOGUE, models()), candidate)[0]
    return Texts.load().say(first.text, lang, **first.values)


def wished(factor: Factor, key: str, item: Item, lang: UiLanguage) -> list[str]:
    """What is said of an item that an entry helped, as far as it is about the wish."""
    listener = Listener(user_id="u", ui_language=lang)
    asked = request(entry(factor, key, 0.8), listener=listener)
    effects = (Effect(factor=factor.value, key=key, shift=1.0),)
    candidate = Candidate(item_id=item.id, row=CATALOGUE.row[item.id], sources={}, effects=effects)
    found = [claim for claim in claims(read(asked, CATALOGUE, models()), candidate) if claim.wished]
    return [Texts.load().say(claim.text, lang, **claim.values) for claim in found]


def by(line: str) -> Item:
    return next(item for item in CATALOGUE.items if item.author == line)


@pytest.mark.parametrize(("line", "name", "english", "chinese"), [
    ("729声工场、喜马拉雅（原著 刘慈欣）", "刘慈欣", "after a work by 刘慈欣", "原著作者是刘慈欣"),
    ("汤显祖 原著，白先勇 制作", "汤显祖", "after a work by 汤显祖", "原著作者是汤显祖"),
    ("汤显祖 原著，白先勇 制作", "白先勇", "by 白先勇", "作者是白先勇"),
    ("Malcolm X with Alex Haley", "Alex Haley", "by Alex Haley", "作者是Alex Haley"),
])  # fmt: skip
def test_of_several_people_the_one_who_was_meant_is_named_and_told_to_be_of_the_original(
    line: str, name: str, english: str, chinese: str
) -> None:
    item = by(line)
    assert (searched(name, item, "en"), searched(name, item, "zh")) == (english, chinese)
    liked = wished(Factor.ENTITY, f"author:{name}", item, "en") + wished(Factor.ENTITY, f"author:{name}", item, "zh")
    whom = (f"{english}, whom you like", f"作者是你喜欢的{name}")
    assert liked == ([english, chinese] if "原著" in chinese else list(whom))


def test_whoever_was_meant_by_a_name_in_the_other_script_is_named_as_on_the_record() -> None:
    assert searched("Liu Cixin", by("729声工场、喜马拉雅（原著 刘慈欣）"), "en") == "after a work by 刘慈欣"


@pytest.mark.parametrize("title", ["StartUp", "IT 公论"])
def test_who_wants_a_format_is_not_told_of_a_theme_that_has_its_name(title: str) -> None:
    item = next(i for i in CATALOGUE.items if i.title == title)
    assert {"podcast company", "独立播客"} & set(item.tags)
    for word in ("podcast", "播客"):
        assert wished(Factor.ENTITY, f"tag:{word}", item, "en") == ["matches “podcast”"]
        assert wished(Factor.ENTITY, f"tag:{word}", item, "zh") == ["符合“播客”"]


def test_a_wish_that_only_a_side_category_meets_is_told_by_that_one() -> None:
    food = next(i for i in CATALOGUE.items if i.title == "Off Menu")
    assert wished(Factor.CATEGORY, "history", food, "en") == ["Food (History & Culture), one of your interests"]
    (chinese,) = wished(Factor.CATEGORY, "history", food, "zh")
    leaf, root = (CATALOGUE.words.taxonomy.label(path, "zh") for path in ("history/culture/food", "history"))
    assert chinese == f"属于你感兴趣的{leaf}（{root}）"
    own = CATALOGUE.words.taxonomy.label("history/culture/food", "en")
    assert wished(Factor.CATEGORY, "history/culture/food", food, "en") == [f"{own}, one of your interests"]
    main = CATALOGUE.words.taxonomy.label("comedy", "en")
    assert wished(Factor.CATEGORY, "comedy", food, "en") == [f"{main}, one of your interests"]


def test_only_what_came_in_within_two_years_is_told_to_be_new() -> None:
    today = NOW.date()
    told = {item.added: wished(Factor.RECENCY, "", item, "en") for item in CATALOGUE.items}
    for added, said in told.items():
        assert said == ([f"added in {added:%Y-%m}"] if today - added <= timedelta(days=731) else [])
    assert min(told) < date(2021, 1, 1) and any(told.values())


def test_a_theme_is_told_as_one_and_a_series_that_is_called_so_is_not_called_so_twice() -> None:
    texts = Texts.load()
    assert texts.say("reasons.about", "en", tag="monkey") == "theme: monkey"
    assert texts.say("reasons.same_tag", "en", tag="vampire") == "also on the theme “vampire”"
    assert texts.say("reasons.liked_tag", "en", tag="vampire") == "a theme you like: vampire"
    assert texts.say("reasons.found_series", "zh", name="沙丘系列") == "出自《沙丘系列》"
    assert texts.say("reasons.found_series", "zh", name="地球往事") == "出自《地球往事》系列"


def test_chinese_counts_stand_without_spaces() -> None:
    texts = Texts.load()
    assert texts.say("reasons.rated", "zh", rating="4.5", count=count(18_000, "zh")) == "评分4.5，1.8万人评价"
    assert texts.say("reasons.popular", "zh", plays=count(5_630_000, "zh")) == "播放563万次"
    assert texts.say("reasons.niche", "zh", plays="812") == "小众，播放812次"


@pytest.mark.parametrize(("query", "lang", "text"), [
    ("评书", "zh", "评书"), ("播客", "zh", "播客"),
    ("podcasts", "en", "Podcast"), ("mystery", "en", "Mystery & Thriller"),
])  # fmt: skip
def test_what_is_of_the_kind_that_was_looked_for_is_told_to_be_just_that(
    query: str, lang: UiLanguage, text: str
) -> None:
    listener = Listener(user_id="u", ui_language=lang)
    cards = pipeline().recommend(request(listener=listener, intent="search", query=query)).cards
    assert cards and all(card.reason.text.startswith(text) for card in cards)


@pytest.mark.parametrize(("share", "said"), [(1.0, True), (TOLD_NEAR, True), (TOLD_NEAR - 0.05, False)])
def test_only_what_fits_a_telling_about_as_well_as_the_best_is_called_close_to_it(share: float, said: bool) -> None:
    reading = read(request(told="a detective in an old house where it snows"), CATALOGUE, models())
    found = claims(reading, Candidate(item_id=CATALOGUE.items[0].id, row=0, sources={"told": share}))
    assert ("reasons.told" in {claim.text for claim in found}) is said


def test_what_lies_in_a_category_whose_label_says_the_words_is_told_by_it() -> None:
    slate = pipeline().recommend(request(intent="search", query="space", size=20))
    told = {card.candidate.item_id: card.reason for card in slate.cards}
    opera = [i for i in told if "scifi-fantasy/scifi/space" in CATALOGUE.item(i).categories]
    assert opera and not any("source:query:near" in told[item_id].evidence for item_id in opera)
