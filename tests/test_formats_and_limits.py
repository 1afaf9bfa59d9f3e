"""Formats beside genres, what shall be the only one, voices, years, ratings, languages, and names that say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools_stage import Stage, make_engine

from catalog.formats import formats_named
from db.pbox import Change
from recommend.pbox import Factor
from tools.context import Engine, Outcome
from tools.exclusively import only_leans, only_said
from tools.linking import free, link_category, says_nothing, with_format
from tools.registry import run_call


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine()


@pytest.fixture
def stage(tmp_path: Path, engine: Engine) -> Stage:
    return Stage.open(tmp_path, engine)


def told(stage: Stage, said: str, tool: str, /, lang: str = "en", **args: object) -> Outcome:
    """One call of one turn with these words."""
    context = stage.context(lang=lang, said=said)
    run_call(context, tool, args)
    return context.outcome


@pytest.mark.parametrize(
    ("said", "genre", "kind"),
    [("romance radio drama", "romance", "radio drama"), ("history audio courses", "history", "audio courses"),
     ("philosophy courses", "philosophy", "courses"), ("言情广播剧", "言情", "广播剧"),
     ("true crime播客", "true crime", "播客"), ("科幻有声小说", "科幻", "有声小说"),
     ("crime podcasts", "crime podcasts", "podcasts"), ("历史的课程", "历史", "课程")],
)  # fmt: skip
def test_a_genre_before_a_format_of_several_words_is_kept(stage: Stage, said: str, genre: str, kind: str) -> None:
    assert with_format(stage.context(), said) == (genre, kind)


@pytest.mark.parametrize(
    "said",
    ["science fiction", "radio drama", "old-time radio drama", "经典相声", "audio drama", "audio courses", "有声小说"],
)
def test_the_name_of_a_category_or_a_format_is_not_cut(stage: Stage, said: str) -> None:
    assert with_format(stage.context(), said) == (said, "")


def test_a_genre_and_courses_are_two_wishes(stage: Stage) -> None:
    stage.do("update_interest_weight", category="philosophy courses", weight_increase=0.3)
    assert list(stage.set_keys(Factor.CATEGORY)) == ["philosophy"]
    assert list(stage.set_keys(Factor.ENTITY)) == [free("courses").key]


@pytest.mark.parametrize("said", ["courses", "course", "some courses", "课程", "audio course"])
def test_courses_are_a_format_and_no_language_category(stage: Stage, said: str) -> None:
    link, catalogue = link_category(stage.context(), said), stage.engine.catalogue
    assert link.factor == Factor.ENTITY
    kind, _, name = link.block.partition(":")
    for held in (catalogue.holds(kind, name), catalogue.holds("theme", name)):
        assert {row for row in range(len(catalogue)) if held[row]} == {
            row for row, item in enumerate(catalogue.items) if item.format == "course"
        }


@pytest.mark.parametrize(
    ("said", "path"),
    [("radio drama", "drama/radio"), ("广播剧", "drama/radio"), ("radio plays", "drama/radio"),
     ("crosstalk", "comedy/crosstalk"), ("相声", "comedy/crosstalk"), ("公开课", "language/courses/lectures"),
     ("languages", "language")],
)  # fmt: skip
def test_a_category_that_is_called_after_its_format_stays_one(stage: Stage, said: str, path: str) -> None:
    assert link_category(stage.context(), said).block == f"category:{path}"


def test_no_courses_takes_all_courses_away_and_leaves_language_podcasts(stage: Stage) -> None:
    stage.do("block_content", kind="category", name="courses")
    assert set(stage.set_keys(Factor.BLOCK)) == {free("courses").block}


@pytest.mark.parametrize(
    ("words", "formats"),
    [("podcasts about jazz", {"podcast"}), ("of course, something about jazz", set()),
     ("有没有讲恐龙的播客", {"podcast"}),
     ("no podcasts about jazz", set()), ("not a podcast, something about jazz", set()), ("讲恐龙的，不要播客", set()),
     ("a podcast about rome, no courses", {"podcast"}), ("podcasts or courses", {"podcast", "course"}),
     ("a pod of whales", set()), ("想听书法", set()), ("anything but audiobooks", set()),
     ("是不是有广播剧", {"radio_drama"}),
     ("特别的播客", {"podcast"}), ("podcaster stories", set()), ("Got any RADIO PLAYS with Poirot?", {"radio_drama"})],
)  # fmt: skip
def test_a_sentence_names_the_formats_it_wants_and_not_those_it_does_not(words: str, formats: set[str]) -> None:
    assert formats_named(words) == formats


@pytest.mark.parametrize(
    ("words", "name"),
    [("nothing but horror", "horror"), ("only podcasts tonight", "podcasts"), ("just podcasts please", "podcasts"),
     ("podcasts only", "podcasts"), ("horror stories only", "horror"), ("I only want to hear horror", "horror"),
     ("只听播客", "播客"), ("今天就要恐怖的", "恐怖"), ("光听相声", "相声"), ("我只想听一点历史", "历史")],
)  # fmt: skip
def test_only_is_heard_beside_its_name(stage: Stage, words: str, name: str) -> None:
    assert only_said(stage.context(said=words), name)


@pytest.mark.parametrize(
    ("words", "name"),
    [("not only horror", "horror"), ("not just horror", "horror"), ("I just finished a horror book", "horror"),
     ("just some horror", "horror"), ("I only have 20 minutes for horror", "horror"),
     ("free only, more horror", "horror"),
     ("only under 30 minutes, podcasts", "podcasts"), ("不只要恐怖的", "恐怖"), ("只要是恐怖的都行", "恐怖"),
     ("只听免费的播客", "播客"), ("podcasts", "podcasts"), ("only horror", "history"), ("", "horror")],
)  # fmt: skip
def test_an_only_of_something_else_is_no_only_of_the_name(stage: Stage, words: str, name: str) -> None:
    assert not only_said(stage.context(said=words), name)


def test_who_wants_nothing_else_is_told_once_that_a_liking_only_leans(stage: Stage) -> None:
    ctx = stage.context(said="only podcasts, only podcasts")
    fact = only_leans(ctx, "podcasts")
    assert fact is not None and only_leans(stage.context(said="more podcasts"), "podcasts") is None
    ctx.outcome.facts.append(fact)
    assert only_leans(ctx, "podcasts") is None
    assert "lean to podcasts" in stage.reply(ctx.outcome)
    assert "没法只留它" in stage.reply(ctx.outcome, "zh")


@pytest.mark.parametrize(
    ("words", "name"),
    [("something narrated by a woman", "narrated by a woman"), ("read by a man", "read by a man"),
     ("I want a woman reading", "woman reading"), ("女的念的", "女的"), ("要男的讲的", "男的"),
     ("想听女生读的", "女生"),
     ("read by a woman", "a woman"), ("女的念的", "女的念的"), ("Read by a Man", "man")],
)  # fmt: skip
def test_a_man_or_a_woman_who_reads_is_a_voice_that_no_record_tells(stage: Stage, words: str, name: str) -> None:
    outcome = told(stage, words, "update_entity_weight", kind="narrator", name=name, weight_increase=0.3)
    assert "whether a voice" in stage.reply(outcome) and not stage.box().entries


def test_a_search_for_a_voice_is_no_search(stage: Stage) -> None:
    outcome = told(stage, "got anything read by a woman", "search_catalog", query="read by a woman")
    assert "whether a voice" in stage.reply(outcome) and not outcome.lists


@pytest.mark.parametrize(
    ("words", "name"), [("books about women", "women"), ("讲女人的故事", "女人"), ("women", "women")]
)
def test_a_theme_of_women_is_no_voice(stage: Stage, words: str, name: str) -> None:
    told(stage, words, "update_entity_weight", kind="tag", name=name, weight_increase=0.3)
    assert stage.box().entries


@pytest.mark.parametrize(
    "words", ["not older than 5 years", "from the last ten years", "近五年的", "最近三年的书", "past decade"]
)
def test_a_span_of_years_can_only_be_leant_to(stage: Stage, words: str) -> None:
    assert "keep to years" in stage.reply(told(stage, words, "set_freshness", recency=0.8))


@pytest.mark.parametrize(
    "words", ["something new", "最近的", "更新的", "recent ones, over 5 hours", "this year-round classic"]
)
def test_new_alone_speaks_of_no_years(stage: Stage, words: str) -> None:
    assert "keep to years" not in stage.reply(told(stage, words, "set_freshness", recency=0.8))


@pytest.mark.parametrize("words", ["9 out of 10", "8分往上", "rated above 8", "at least 4.5/5", "nine out of ten"])
def test_a_rating_can_only_be_leant_to(stage: Stage, words: str) -> None:
    assert "keep to a rating" in stage.reply(told(stage, words, "set_popularity", quality=0.9))


@pytest.mark.parametrize("words", ["only highly rated", "highly rated, over 5 hours", "at least 3 episodes, acclaimed"])
def test_an_amount_of_something_else_is_no_rating(stage: Stage, words: str) -> None:
    assert "keep to a rating" not in stage.reply(told(stage, words, "set_popularity", quality=0.9))


def wish(stage: Stage, *keys: str, value: float = 0.3) -> None:
    changes = [Change(factor=Factor.ENTITY, key=key, op="set", value=value) for key in keys]
    stage.stores.pbox.change("anna", f"turn-{keys}", changes, source="chat", now=stage.now)


@pytest.mark.parametrize(("language", "left"), [("any", {"tag:恐龙"}), ("zh", {"tag:恐龙", "tag:中文"})])
def test_setting_the_language_takes_back_the_wishes_for_other_languages(
    stage: Stage, language: str, left: set[str]
) -> None:
    wish(stage, "tag:日语", "tag:西班牙语的", "tag:Japanese", "tag:中文", "tag:恐龙")
    stage.do("set_language", language=language)
    assert set(stage.set_keys(Factor.ENTITY)) == left


def test_a_language_that_is_unwanted_stays_so(stage: Stage) -> None:
    wish(stage, "tag:日语", value=-0.3)
    stage.do("set_language", language="any")
    assert set(stage.set_keys(Factor.ENTITY)) == {"tag:日语"}


@pytest.mark.parametrize(
    "name",
    ["故事", "stories", "书", "books", "something", "三岁", "五岁的", "六岁的", "5 year old", "5-year-olds",
     "five years old", "my 3 year old", "3到6岁", "五岁的女儿", "三岁半"],
)  # fmt: skip
def test_filler_and_a_bare_age_are_no_theme(stage: Stage, name: str) -> None:
    assert says_nothing(stage.context(), name)


@pytest.mark.parametrize(
    "name", ["fiction", "小说", "novels", "播客", "podcasts", "恐龙", "dinosaurs", "children", "岁月", "百岁人生"]
)
def test_what_names_something_says_something(stage: Stage, name: str) -> None:
    assert not says_nothing(stage.context(), name)
