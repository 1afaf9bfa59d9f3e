"""Rules of long tellings: their words go with the request, rejected ones do not, and short wishes stay as they are."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from chat.narrative import LONGEST, telling, unheld
from db.changes import Applied
from recommend.pbox import Factor
from recommend.reading import TOLD_SCALE, read
from recommend.recall import recall
from recommend.sources.telling import told as scoring_of
from tests.recommend_stage import catalogue, entry, models, pipeline, request, search

EPIC = {"name": "update_interest_weight", "args": {"category": "epic", "weight_increase": 0.3}}
NO_MAGIC = {"name": "block_content", "args": {"kind": "tag", "name": "magic"}}
LESS_WAR = {"name": "update_interest_weight", "args": {"category": "war", "weight_increase": -0.3}}
FUNNY = {"name": "update_mood_preference", "args": {"mood": "funny", "weight": 0.8}}
COMMUTE = {"name": "update_scene_preference", "args": {"scene": "commute", "weight": 0.8}}
BEDTIME = [
    {"name": "update_scene_preference", "args": {"scene": "睡前", "weight": 0.8}},
    {"name": "update_mood_preference", "args": {"mood": "治愈", "weight": 0.8}},
    {"name": "block_content", "args": {"kind": "tag", "name": "恐怖"}},
]
LIKE = {"name": "record_feedback", "args": {"item": "1", "signal": "like"}}
TOLD = "a detective in an old house where it snows and nobody can leave"


def test_a_short_wish_says_all_and_a_long_one_is_looked_for() -> None:
    assert telling("a short epic please", [EPIC]) is None
    assert telling("I love epic", [EPIC]) is None and telling("more epic please", [EPIC]) is None
    assert telling("something short and funny for the commute, finished only", [FUNNY, COMMUTE]) is None
    assert telling("睡前想听点治愈的，不要恐怖的", BEDTIME) is None
    assert telling("an epic about two families who fight over a throne", [EPIC]) is not None
    assert telling("想听一部关于两个家族争夺王位的史诗", [EPIC]) is not None


def test_something_alike_with_more_said_about_it_is_looked_for_too() -> None:
    like_dune = {"name": "find_similar", "args": {"item": "Dune"}}
    assert telling("something like Dune", [like_dune]) is None
    assert telling("like Dune, but with women who run the empire and less sand", [like_dune]) is not None


def test_a_wish_for_an_empty_shelf_is_looked_for_however_short() -> None:
    assert telling("courtroom drama", [EPIC], bare=True) == "courtroom drama"


def test_without_a_wish_nothing_is_looked_for() -> None:
    long = "well that one with the old man was rather nice I must say"
    assert telling(long, [LIKE]) is None and telling(long, []) is None
    assert telling(long, [NO_MAGIC, LESS_WAR]) is None


def test_what_was_rejected_is_not_looked_for() -> None:
    text = telling("an epic with politics, no Magic and less war, like the early books", [EPIC, NO_MAGIC, LESS_WAR])
    assert text is not None and "magic" not in text.lower() and "war" not in text and "politics" in text


WIND, DOYLE = "The Name of the Wind", "Arthur Conan Doyle"


def like(item: str) -> dict[str, object]:
    return {"name": "find_similar", "args": {"item": item}}


def wish_for(kind: str, name: str) -> dict[str, object]:
    return {"name": "update_entity_weight", "args": {"kind": kind, "name": name, "weight_increase": 0.3}}


def genre(name: str) -> dict[str, object]:
    return {"name": "update_interest_weight", "args": {"category": name, "weight_increase": 0.3}}


@pytest.mark.parametrize(("text", "call"), [
    (f"more like {WIND}", like(WIND)),
    (f"something by {DOYLE}", wish_for("author", DOYLE)),
    ("anything read by the late Jean Sébastien Dupont", wish_for("narrator", "the late Jean Sébastien Dupont")),
    ("more of A Series of Unfortunate Events", wish_for("series", "A Series of Unfortunate Events")),
    ("类似平凡的世界里的人的", like("平凡的世界里的人")),
])  # fmt: skip
@pytest.mark.parametrize("bare", [False, True])
def test_the_name_of_an_item_a_person_or_a_series_tells_nothing_however_long(
    text: str, call: dict[str, object], bare: bool
) -> None:
    assert telling(text, [call], bare=bare) is None


def test_the_long_name_of_a_taste_is_a_telling_still() -> None:
    assert telling("nineteenth century love stories", [genre("nineteenth century love stories")]) is not None


def test_what_is_told_beside_an_item_or_a_person_is_looked_for_without_the_name() -> None:
    told = telling(f"like {WIND}, but with women who run the empire", [like(WIND)])
    assert told is not None and "Wind" not in told and "women who run the empire" in told
    told = telling(f"{DOYLE} stories about a lost world with dinosaurs in it", [wish_for("author", DOYLE)])
    assert told is not None and "Conan" not in told and "dinosaurs" in told


def test_a_name_within_a_longer_word_stays_in_what_is_told() -> None:
    told = telling("like It, but set in Italy with fewer clowns and more priests", [like("It")])
    assert told is not None and "Italy" in told
    told = telling("like 2, but set in 2084 on a ship full of robots", [like("2")])
    assert told is not None and "2084" in told


@pytest.mark.parametrize(("text", "meant"), [
    ("不是郭德纲，我说的是评书", genre("评书")),
    ("no, I meant Dickens and his orphans in the fog of London", wish_for("author", "Dickens")),
])  # fmt: skip
def test_of_a_correction_nothing_is_told(text: str, meant: dict[str, object]) -> None:
    assert telling(text, [{"name": "undo_last_change", "args": {}}, meant], bare=True) is None


@pytest.mark.parametrize(("text", "call"), [
    ("跟第二个差不多的", like("第二个")), ("跟第二个差不多的", like("2")), ("这个作者别的书", like("this")),
    ("这个演播还有其他的作品吗", like("this")), ("跟第12部差不多的系列", like("12")),
    ("others from the same author as the sixth one", like("6")), ("the same series as the last one", like("last")),
    ("true crime podcasts", genre("true crime podcasts")), ("love stories and novels", genre("love")),
    ("有没有关于历史的播客节目", genre("历史")), ("科幻的有声书和故事", genre("科幻")),
])  # fmt: skip
def test_words_that_point_at_the_screen_or_name_a_format_tell_nothing(text: str, call: dict[str, object]) -> None:
    assert telling(text, [call]) is None


@pytest.mark.parametrize("strength", ["-0.3", None, "loud"])
def test_a_strength_that_is_no_number_is_read_as_one_or_pushes_nothing_away(strength: object) -> None:
    less = {"name": "update_interest_weight", "args": {"category": "war", "weight_increase": strength}}
    text = telling("an epic about two families who fight a war over a throne", [EPIC, less])
    assert text is not None and ("war" in text) == (strength != "-0.3")


def test_a_telling_is_bounded() -> None:
    assert len(telling("word " * 5000, [EPIC]) or "") <= LONGEST


def wished(factor: Factor, key: str) -> Applied:
    return Applied(
        id=1, turn_id="t", factor=factor, key=key, said=key, before=None, after=0.3,
        scope="session", source="chat", at=datetime.now(UTC), undone=False,
    )  # fmt: skip


@pytest.mark.parametrize(("key", "empty"), [("mystery", False), ("category-of-nothing", True)])
def test_a_shelf_is_empty_when_hardly_an_item_stands_on_it(key: str, empty: bool) -> None:
    change = wished(Factor.CATEGORY, key)
    assert unheld([change], catalogue()) is empty
    assert not unheld([change.model_copy(update={"after": -0.3})], catalogue())


@pytest.mark.parametrize(
    ("name", "telling_of"),
    [("author:格非", False), ("narrator:张三", False), ("author:Ann Nobody", False), ("tag:格非", True)],
)
def test_a_name_of_a_person_who_is_not_here_tells_nothing(name: str, telling_of: bool) -> None:
    assert unheld([wished(Factor.ENTITY, name)], catalogue()) is telling_of
    if not telling_of:  # here it may be linked to the name in another script
        linked = wished(Factor.ENTITY, "author:Ann Nobody").model_copy(update={"said": name})
        assert not unheld([linked], catalogue())


def test_what_was_told_comes_to_the_front_and_every_filter_holds() -> None:
    told = request(entry(Factor.BLOCK, "category:horror", 1.0), told=TOLD)
    reading = read(told, catalogue(), models())
    source = scoring_of(reading, search())
    assert source is not None
    best = source.best(30, reading.among)
    assert reading.allowed[best].all() and source.of(best).max() == pytest.approx(1.0)
    pool = recall(reading, search())
    assert pool.recalled["told"].any() and reading.allowed[pool.rows].all()
    first = pipeline().recommend(told)
    shown = [catalogue().row[item] for item in first.item_ids]
    assert np.mean(source.of(np.array(shown))) > 0.4
    assert not catalogue().in_category("horror")[shown].any()


def test_a_request_without_a_telling_is_what_it_was() -> None:
    plain = request(entry(Factor.MOOD, "funny", 0.8))
    assert "told" not in recall(read(plain, catalogue(), models()), search()).scores


def test_beside_a_telling_wished_tastes_speak_softly_and_unwanted_ones_as_ever() -> None:
    wishes = (entry(Factor.MOOD, "funny", 0.8), entry(Factor.CATEGORY, "history", -0.8))
    plain, telling_too = (
        read(made, catalogue(), models()).shifts for made in (request(*wishes), request(*wishes, told=TOLD))
    )
    for before, after in zip(plain, telling_too, strict=True):
        share = TOLD_SCALE if before.entry.value > 0.0 else 1.0
        assert before.logits[:].any()
        np.testing.assert_allclose(after.logits[:], share * before.logits[:], rtol=1e-5)


def test_what_is_told_about_something_alike_orders_what_resembles_it() -> None:
    anchor = catalogue().items[0].id
    plain = recall(read(request(intent="similar", anchor=anchor), catalogue(), models()), search())
    told = recall(read(request(intent="similar", anchor=anchor, told=TOLD), catalogue(), models()), search())
    assert "told" not in plain.scores and told.recalled["told"].any()


@pytest.mark.parametrize("name", ["item:nothing-here", "series:No Such Saga"])
def test_the_name_of_a_title_or_a_series_says_nothing_of_what_it_is_about(name: str) -> None:
    assert not unheld([wished(Factor.ENTITY, name)], catalogue())


@pytest.mark.parametrize(("text", "names"), [
    ("除了三体以外都可以", ["三体"]), ("单田芳的白眉大侠可以", ["单田芳", "白眉大侠"]),
    ("Dune is fine, but except that okay", ["Dune"]),
])  # fmt: skip
def test_words_that_only_allow_a_name_or_make_an_exception_of_it_tell_nothing(text: str, names: list[str]) -> None:
    assert telling(text, [wish_for("series", name) for name in names]) is None


@pytest.mark.parametrize(("text", "query"), [("搜广播剧", "广播剧"), ("do you have radio dramas?", "radio dramas")])
def test_the_name_of_a_kind_of_thing_is_searched_for_and_not_looked_for_as_a_telling(text: str, query: str) -> None:
    assert telling(text, [{"name": "search_catalog", "args": {"query": query}}], kind=query) is None
