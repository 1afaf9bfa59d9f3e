"""What each stage promises: quotas that move, caps, exploration, a harmless reranker, honest notes, intents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.search import Search
from recommend.effects import heard_strength, length_fit, voice
from recommend.filters import FOR_CHILDREN, allowed, for_children, listenable, made_for_children
from recommend.interactions import Interactions
from recommend.kinship import related
from recommend.models import Models, fit_models
from recommend.pbox import Factor, PBox
from recommend.pipeline import Pipeline
from recommend.ranking.grades import grades
from recommend.reading import Reading, read
from recommend.recall import recall
from recommend.request import Candidate, Event, EventKind, History, Intent, Listener, Request, UiLanguage
from recommend.rerank import RerankFailed
from tests.recommend_stage import NOW, catalogue, entry, history, models, pipeline, population, request, search

CATALOGUE = catalogue()


def tops(asked: Request) -> list[str]:
    return [CATALOGUE.item(i).category.split("/")[0] for i in pipeline().recommend(asked).item_ids]


def heard(*item_ids: str, kind: str = "like") -> History:
    return History(events=tuple(Event(user_id="u", item_id=i, kind=kind, at=NOW) for i in item_ids))


def test_a_new_listener_hears_the_language_of_the_page_until_the_history_says_otherwise() -> None:
    """Short and funny is Chinese crosstalk before all else here, which an English page has no use for."""
    wishes = (entry(Factor.MOOD, "funny", 0.8), entry(Factor.LENGTH, "max", 60.0))
    english = pipeline().recommend(request(*wishes))
    spoken = [catalogue().item(item).language for item in english.item_ids]
    assert spoken.count("en") > len(spoken) / 2
    chinese = [item.id for item in catalogue().items if item.language == "zh" and item.available][:12]
    past = History(events=tuple(Event(user_id="someone", item_id=i, kind="like", at=NOW) for i in chinese))
    later = pipeline().recommend(request(*wishes, history=past))
    assert "zh" in [catalogue().item(item).language for item in later.item_ids]


def test_a_first_visit_gets_a_full_and_varied_list() -> None:
    slate = pipeline().recommend(request())
    assert len(slate.cards) == 6
    assert max(Counter(tops(request())).values()) <= 2
    assert [line.stage for line in slate.trace] == ["recall", "coarse", "fine", "mix", "rerank", "explain"]


def test_a_plain_wish_for_a_category_fills_the_list_with_it() -> None:
    slate = pipeline().recommend(request(entry(Factor.CATEGORY, "mystery", 0.3)))
    assert CATALOGUE.in_category("mystery")[[c.candidate.row for c in slate.cards]].all()


def test_several_wishes_meet_in_the_first_items() -> None:
    slate = pipeline().recommend(request(entry(Factor.SCENE, "bedtime", 0.8), entry(Factor.MOOD, "healing", 0.8)))
    for item in map(CATALOGUE.item, slate.item_ids):
        assert "healing" in item.moods and "bedtime" in item.scenes
    assert slate.relaxed == ()


def test_what_was_just_said_speaks_louder_than_an_old_taste() -> None:
    fresh, tapped = entry(Factor.MOOD, "funny", 0.8), entry(Factor.MOOD, "funny", 0.8, source="onboarding")
    old = fresh.model_copy(update={"set_at": NOW.replace(month=1)})
    assert voice(fresh, NOW) > voice(old, NOW) == pytest.approx(voice(tapped, NOW))


def test_a_wish_opens_its_source_and_moves_the_quotas() -> None:
    plain = recall(read(request(), CATALOGUE, models()), search())
    steered = recall(read(request(entry(Factor.POPULARITY, "", 1.0)), CATALOGUE, models()), search())
    wished = recall(read(request(entry(Factor.CATEGORY, "horror", 0.6)), CATALOGUE, models()), search())
    assert steered.recalled["popular"].sum() > plain.recalled["popular"].sum()
    assert "category" not in plain.recalled
    rows = wished.rows[wished.recalled["category"]]
    assert CATALOGUE.in_category("horror")[rows].all()


def test_novelty_is_a_share_of_places_for_categories_never_touched() -> None:
    person = next(p for p in population()[0] if p.persona)
    past = history(person.user_id)
    none, much = (
        pipeline().recommend(request(entry(Factor.NOVELTY, "", v), listener=person, history=past)) for v in (0.0, 0.8)
    )
    assert not [c for c in none.cards if c.candidate.slot == "explore"]
    explored = [c.candidate for c in much.cards if c.candidate.slot == "explore"]
    assert len(explored) == 3
    touched = {p.split("/")[0] for e in past.events for p in CATALOGUE.item(e.item_id).categories}
    assert not {CATALOGUE.items[c.row].category.split("/")[0] for c in explored} & touched


def test_discover_leaves_the_known_categories_and_varies_with_the_seed() -> None:
    past = heard("my-001", "sf-001", "ro-001")
    known = {p.split("/")[0] for e in past.events for p in CATALOGUE.item(e.item_id).categories}
    asked = [request(history=past, intent="discover", seed=seed) for seed in range(4)]
    assert not known & {top for one in asked for top in tops(one)}
    assert len({pipeline().recommend(one).item_ids for one in asked}) > 1


def test_more_brings_nothing_that_was_seen() -> None:
    first = pipeline().recommend(request())
    second = pipeline().recommend(request(intent="more", seen=frozenset(first.item_ids)))
    assert len(second.cards) == 6
    assert not set(first.item_ids) & set(second.item_ids)


def test_a_search_that_goes_on_brings_nothing_that_was_seen() -> None:
    first = pipeline().recommend(request(intent="search", query="detective"))
    second = pipeline().recommend(request(intent="search", query="detective", seen=frozenset(first.item_ids)))
    assert second.cards and not set(first.item_ids) & set(second.item_ids)


def test_a_title_or_an_author_that_was_asked_for_comes_first() -> None:
    found = pipeline().recommend(request(entry(Factor.MOOD, "funny", 1.0), intent="search", query="Dracula"))
    assert CATALOGUE.item(found.item_ids[0]).title == "Dracula"
    for position, item_id in enumerate(pipeline().recommend(request(intent="search", query="东野圭吾")).item_ids):
        assert CATALOGUE.item(item_id).author == "东野圭吾" or position > 2


def test_a_search_that_finds_nothing_says_so() -> None:
    for query in (None, "", "???"):
        assert pipeline().recommend(request(intent="search", query=query)).relaxed == ("query",)


def test_similar_stays_near_its_anchor_and_leaves_it_out() -> None:
    slate = pipeline().recommend(request(intent="similar", anchor="sf-001"))
    assert "sf-001" not in slate.item_ids
    assert all(related(CATALOGUE.item("sf-001"), CATALOGUE.item(item_id)) for item_id in slate.item_ids)
    assert pipeline().recommend(request(intent="similar", anchor="gone")).relaxed == ("anchor",)


def test_trending_can_be_limited_to_a_category_and_works_without_events() -> None:
    asked = request(intent="trending", category="comedy")
    quiet = Pipeline(CATALOGUE, search(), Models.empty(CATALOGUE))
    for slate in (pipeline().recommend(asked), quiet.recommend(asked)):
        assert len(slate.cards) == 6
        assert all(CATALOGUE.in_category("comedy")[c.candidate.row] for c in slate.cards)


def test_hard_wishes_are_never_relaxed_even_when_little_is_left() -> None:
    tight = request(
        entry(Factor.LENGTH, "max", 8.0, hardness="hard"), entry(Factor.ACCESS, "", -1.0, hardness="hard"),
        entry(Factor.LANGUAGE, "zh", 1.0), entry(Factor.BLOCK, "category:kids", 1.0), size=20,
    )  # fmt: skip
    slate = pipeline().recommend(tight)
    assert len(slate.cards) < 20 and "few" in slate.relaxed
    impossible = request(
        entry(Factor.LENGTH, "max", 1.0, hardness="hard"), entry(Factor.LENGTH, "min", 900.0, hardness="hard")
    )
    assert pipeline().recommend(impossible).cards == ()


def test_wishes_that_nothing_meets_are_named() -> None:
    assert "mood:zorgly" in pipeline().recommend(request(entry(Factor.MOOD, "zorgly", 0.8))).relaxed
    wishes = (
        entry(Factor.CATEGORY, "mystery", 0.3),
        entry(Factor.MOOD, "funny", 0.8),
        entry(Factor.LENGTH, "max", 60.0),
    )
    assert pipeline().recommend(request(*wishes)).relaxed == ("together",)


def test_what_rises_most_is_on_the_list_of_what_trends_however_little_known_it_is() -> None:
    row = int(np.argmin(np.where(CATALOGUE.available, CATALOGUE.popularity + CATALOGUE.quality, np.inf)))
    rising = np.full(len(CATALOGUE), 0.01, dtype=np.float32)
    rising[row] = 1.0
    hot = replace(models(), trending=rising)
    slate = Pipeline(CATALOGUE, search(), hot).recommend(request(intent="trending"))
    assert slate.item_ids[0] == CATALOGUE.items[row].id


def test_a_surprise_falls_back_to_the_known_where_the_unknown_is_forbidden() -> None:
    roots = sorted({path.partition("/")[0] for item in CATALOGUE.items for path in item.categories})
    tastes = [entry(Factor.CATEGORY, root, 0.3) for root in roots if root != "horror"]
    asked = request(*tastes, entry(Factor.BLOCK, "category:horror", 1.0, hardness="hard"), intent="discover")
    assert len(pipeline().recommend(asked).cards) == asked.size


def test_what_was_turned_down_last_is_no_liking_whatever_was_done_before() -> None:
    done = ("play", "finished", "like", "dislike")
    item = CATALOGUE.items[0]
    events = [Event(user_id="u", item_id=item.id, kind=k, at=NOW + timedelta(minutes=n)) for n, k in enumerate(done)]
    past = read(request(history=History(events=tuple(events))), CATALOGUE, models()).past
    assert not past.liked and not past.likings and past.disliked == (0,) and past.rejected[0]
    assert not Interactions.from_events(CATALOGUE, events).sequences and grades(events) == {item.id: 0}


def test_what_was_turned_down_or_heard_long_ago_still_holds() -> None:
    heard_ago, disliked_ago = CATALOGUE.items[0], CATALOGUE.items[1]
    past = History(heard=frozenset({heard_ago.id}), rejected=frozenset({disliked_ago.id, "gone"}))
    reading = read(request(entry(Factor.REPEATS, "", -1.0), history=past), CATALOGUE, models())
    assert not reading.allowed[0] and not reading.allowed[1]
    assert heard_ago.category.partition("/")[0] in reading.known
    better = Event(user_id="u", item_id=disliked_ago.id, kind="like", at=NOW)
    again = past.model_copy(update={"events": (better,)})
    assert not read(request(history=again), CATALOGUE, models()).past.rejected[1]


def test_disliked_items_go_and_heard_ones_sink_or_go() -> None:
    first = pipeline().recommend(request()).item_ids
    assert first[0] not in pipeline().recommend(request(history=heard(first[0], kind="dislike"))).item_ids
    assert first[0] not in pipeline().recommend(request(history=heard(first[0], kind="finished"))).item_ids
    avoid = request(entry(Factor.REPEATS, "", -1.0), history=heard(first[0], kind="play"))
    assert not read(avoid, CATALOGUE, models()).allowed[CATALOGUE.row[first[0]]]


@pytest.mark.parametrize("kind", ["skip", "finished"])
def test_what_was_skipped_or_heard_to_its_end_rests_for_a_day(kind: EventKind) -> None:
    item = pipeline().recommend(request()).item_ids[0]

    def shown(*said: tuple[EventKind, timedelta], **rest: Any) -> bool:
        events = tuple(Event(user_id="u", item_id=item, kind=kind, at=NOW - ago) for kind, ago in said)
        reading = read(request(history=History(events=events), **rest), CATALOGUE, models())
        return bool(reading.allowed[CATALOGUE.row[item]])

    hour, days = timedelta(hours=1), timedelta(days=2)
    assert not shown((kind, hour))
    assert shown((kind, days))
    assert not shown((kind, 2 * hour), ("like", hour))  # "heard it, loved it" is no wish to hear it at once again
    assert shown((kind, 2 * hour), ("save", hour))
    assert shown((kind, hour), intent="search", query="anything")  # who looks for it finds it


class Backwards:
    def __call__(self, reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]:
        return range(len(chosen) - 1, -1, -1)


class Repeating(Backwards):
    def __call__(self, reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]:
        return [0] * len(chosen)


class Failing(Backwards):
    def __call__(self, reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]:
        raise RerankFailed("the model is away")


@pytest.mark.parametrize(("reranker", "turned"), [(Backwards(), True), (Repeating(), False), (Failing(), False)])
def test_a_reranker_may_reorder_and_nothing_else(reranker: Backwards, turned: bool) -> None:
    plain = pipeline().recommend(request()).item_ids
    again = Pipeline(CATALOGUE, search(), models(), reranker=reranker).recommend(request()).item_ids
    assert again == (plain[::-1] if turned else plain)


def test_models_know_what_is_liked_together_and_forget_what_is_gone() -> None:
    events = [Event(user_id=f"u{n}", item_id=i, kind="like", at=NOW) for n in range(8) for i in ("my-001", "my-002")]
    fitted = fit_models(CATALOGUE, [*events, Event(user_id="x", item_id="gone", kind="like", at=NOW)])
    scores = fitted.likely({CATALOGUE.row["my-001"]: 1.0})
    assert scores is not None and int(np.argmax(scores)) == CATALOGUE.row["my-002"]
    assert fitted.liked_both(CATALOGUE.row["my-001"], CATALOGUE.row["my-002"]) == 8
    assert not fit_models(CATALOGUE, []).trending.any()


def test_an_empty_catalogue_gives_an_empty_list() -> None:
    empty = type(CATALOGUE).build([], CATALOGUE.words, np.zeros((0, 4), np.float32), lambda _: np.zeros(4, np.float32))
    lonely = Pipeline(empty, Search(empty), Models.empty(empty))
    for intent in ("home", "search", "similar", "trending", "discover"):
        assert lonely.recommend(request(intent=intent, query="x", anchor="y")).cards == ()


def test_weights_are_heard_early_and_lengths_fade_evenly() -> None:
    assert 0.7 < heard_strength(0.3) < heard_strength(0.6) < heard_strength(1.0) == pytest.approx(1.0)
    assert heard_strength(-0.3) == -heard_strength(0.3)
    fit = length_fit(np.array([10.0, 30.0, 60.0, 240.0, 5000.0]), "max", 30.0)
    assert fit.tolist() == pytest.approx([1.0, 1.0, 1 / 3, -1.0, -1.0])
    assert length_fit(np.array([10.0]), "min", 0.0).tolist() == [0.0]


def test_simulated_listeners_are_labelled_and_respect_their_age() -> None:
    people, events = population()
    assert all(p.user_id.startswith(("sim-", "persona-")) for p in people)
    assert sum(p.persona for p in people) == 6
    ages = {p.user_id: p.age for p in people}
    assert not [e for e in events if ages[e.user_id] == "7+" and CATALOGUE.item(e.item_id).age in ("13+", "18+")]
    assert isinstance(people[0], Listener)


@pytest.mark.parametrize("said", [
    "my daughter, she's 5", "something for my son", "stories for my daughter", "for my niece", "for my nephew, please",
    "for our grandson", "for the grandkids", "she's five", "he's 4 years old", "my niece is six", "my grandson's 7",
    "my five year old loves dinosaurs", "for my son, about 20 minutes", "六岁的", "六岁的能听吗", "三岁半的",
    "我女儿五岁，想听故事", "儿子今年6岁", "孙子才三岁", "给女儿听的故事", "给小孙女睡前听的",
])  # fmt: skip
def test_words_that_a_small_child_will_listen_are_understood(said: str) -> None:
    assert FOR_CHILDREN.search(said)


@pytest.mark.parametrize("said", [
    "podcast about my daughter's wedding", "something for my daughter's wedding", "for my daughter, she's 25",
    "for my son in college", "for my 15 year old son", "for my son, he's sixteen", "for my teenage daughter",
    "looking for The Daughter of Time", "my son recommended it", "she's one of a kind", "he's two steps ahead",
    "二十六岁的", "16岁的", "六岁的时候父母双亡的主角", "女儿失踪的小说", "给女儿的信",
    "给我女儿，她15岁", "儿子十五岁",
])  # fmt: skip
def test_a_grown_up_daughter_or_a_tale_of_one_is_no_small_child(said: str) -> None:
    assert not FOR_CHILDREN.search(said)


def test_what_says_that_it_is_for_adults_is_nothing_for_small_children_whatever_its_age_mark() -> None:
    said = [
        {"title": "Sleep Stories for Adults"}, {"description": "Dull tales for tired grown-ups."}, {"tags": ("成人",)},
        {"title": "成人睡前故事"}, {"tags": ("no grown-ups",)}, {"description": "For children and adults alike."},
        {"description": "也有成人世界的叹息。"}, {},
    ]  # fmt: skip
    kind = {"age": "all", "title": "Night", "title_alt": None, "description": "Rain.", "tags": ()}
    items = [CATALOGUE.items[n].model_copy(update=kind | words) for n, words in enumerate(said)]
    small = Catalogue.build(items, CATALOGUE.words, CATALOGUE.vectors[: len(items)], CATALOGUE.embed)
    asked = [request(intent="search", query=query) for query in ("sleep stories", "sleep stories for my daughter")]
    anyone, child = (listenable(one, small).tolist() for one in asked)
    assert all(anyone) and child == [False] * 4 + [True] * 4


@pytest.mark.parametrize(("said", "children"), [
    ("给孩子听的，不要太吓人", True), ("not too scary, for my kids", True),
    ("for me, and then one for my 5-year-old", True),
    ("不要给孩子听的", False), ("not for my kids this time", False), ("nothing for kids please", False),
    ("not for the kids, for me", False), ("给我自己听", False), ("大人听的", False), ("something for myself", False),
    ("for my wife", False), ("something for me and my dog", None), ("pick one for me to read to them", None),
    ("来点故事", None),
])  # fmt: skip
def test_who_will_listen_is_read_from_the_last_words_that_say_it(said: str, children: bool | None) -> None:
    assert for_children(said) is children


def test_small_children_keep_to_what_is_fit_for_them_whatever_the_words_of_the_list_are() -> None:
    plain, small = listenable(request(), CATALOGUE), listenable(request(children=True), CATALOGUE)
    assert small.sum() < plain.sum() and not (small & ~plain).any()
    assert {CATALOGUE.items[row].age for row in np.flatnonzero(small)} <= {"all", "7+"}
    grown_up = request(told="stories for my daughter, she's 5", children=False)
    assert (listenable(grown_up, CATALOGUE) == plain).all()
    old = request(told="stories for my daughter, she's 5").model_dump(exclude={"children"})
    assert (listenable(Request.model_validate(old), CATALOGUE) == small).all()


def test_where_small_children_listen_most_of_a_list_is_made_for_them() -> None:
    made = CATALOGUE.in_category("kids") | CATALOGUE.with_tag("kids show")
    shown = pipeline().recommend(request(children=True)).item_ids
    assert sum(made[CATALOGUE.row[item_id]] for item_id in shown) >= len(shown) / 2


@pytest.mark.parametrize(("lang", "query"), [("zh", "播客"), ("zh", "广播剧"), ("en", "podcasts"), ("en", "comedy")])
def test_of_a_kind_of_thing_that_in_the_language_of_the_page_comes_first(lang: UiLanguage, query: str) -> None:
    listener = Listener(user_id="someone", ui_language=lang)
    shown = pipeline().recommend(request(listener=listener, intent="search", query=query)).item_ids
    assert {CATALOGUE.item(item_id).language for item_id in shown} == {lang}


@pytest.mark.parametrize(("said", "children"), [
    ("来点古希腊神话，别挑给小孩讲的版本", False), ("not stories for kids", False), ("no stories for kids", False),
    ("Racing Manhattan's for kids I think? No thanks", None), ("kelpie one's for kids, skip", None),
    ("it's for children, isn't it? Then no thank you.", None), ("给孩子听不合适，换一个", None),
    ("小狗钱钱是给娃的吧，咋推给单身狗", None), ("给高三娃找的", None), ("给我高三的儿子来点励志英语", None),
    ("适合初二的娃不", None), ("弟子规不给孩子听，拿掉", None), ("别推给孩子", None), ("no horror for my kids", None),
    ("something not scary for kids", True), ("特别适合小孩的", True), ("别的给娃存着", True),
    ("给娃讲十万个为什么", True), ("给孩子讲大学中庸", True), ("what's good for kids?", True), ("it's for kids", True),
])  # fmt: skip
def test_words_of_children_that_are_denied_or_about_an_item_do_not_say_that_they_listen(
    said: str, children: bool | None
) -> None:
    assert for_children(said) is children


@pytest.mark.parametrize("said", [
    "pick for me", "compare them for me", "save it for me", "there's never enough Bryson here for me",
    "that's the one for me", "pick something for me", "find one for me", "Stephen King just isn't for me",
])  # fmt: skip
def test_for_me_is_mostly_no_word_of_who_will_listen(said: str) -> None:
    assert for_children(said) is None
    assert for_children(f"for my kids please, {said}") is True


@pytest.mark.parametrize("said", [
    "it's for me", "this is for me", "now for me", "one for me, not the kids", "something else for me", "for myself",
    "more history, for me", "for me this time", "Bedtime for me, not kids", "给我自己", "我自己听",
])  # fmt: skip
def test_for_me_that_says_who_will_listen_ends_the_limit(said: str) -> None:
    assert for_children(said) is False


@pytest.mark.parametrize("intent", ["home", "more", "trending", "discover"])
def test_a_list_for_small_children_holds_only_what_is_made_for_them_while_there_is_enough(intent: Intent) -> None:
    made, guides = made_for_children(CATALOGUE, PBox()), CATALOGUE.in_category("kids/parenting")
    assert guides.any() and not (made & guides).any()
    wished = PBox(entries=(entry(Factor.CATEGORY, "kids/parenting", 0.5),))
    assert (made_for_children(CATALOGUE, wished) == (made | guides)).all()
    shown = pipeline().recommend(request(children=True, intent=intent)).item_ids
    assert len(shown) == 6 and all(made[CATALOGUE.row[item_id]] for item_id in shown)
    scarce = request(children=True, intent=intent, size=int(made.sum()) + 1)
    nothing = np.zeros(len(CATALOGUE), dtype=bool)
    assert (allowed(scarce, CATALOGUE, nothing, nothing) & ~made).any()
