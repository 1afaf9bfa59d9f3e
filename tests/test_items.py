"""Rules of items, of the demonstration catalogue and of the catalogue in memory."""

import json
import re
from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from catalog.catalogue import KINDS, Catalogue
from catalog.check import check, faults
from catalog.demo import FOLDER, demo_items, demo_words
from catalog.items import Item, named, under


def made(**changes) -> Item:
    facts = {
        "id": "x-1",
        "title": "A Tale",
        "format": "audiobook",
        "category": "mystery/detective/cozy",
        "language": "en",
        "minutes": 600,
        "episodes": 20,
        "added": date(2024, 1, 1),
    }
    return Item(**(facts | changes))


def catalogue_of(*items: Item) -> Catalogue:
    vectors = np.zeros((len(items), 2), dtype=np.float32)
    return Catalogue.build(items, demo_words(), vectors, lambda text: np.zeros(2, dtype=np.float32))


@pytest.fixture(scope="module")
def demo() -> Catalogue:
    return catalogue_of(*demo_items())


def test_every_item_of_the_demonstration_is_good():
    count, bad = check(sorted((FOLDER / "items").glob("*.jsonl")), demo_words())
    assert bad == []
    assert count == len(demo_items()) >= 1300


def test_a_bad_item_is_reported_with_line_and_reason(tmp_path):
    good = demo_items()[0]
    facts = json.loads(good.model_dump_json())
    bad = facts | {"id": "bad", "title": "Other", "moods": ["purple"], "category": "mystery"}
    file = tmp_path / "items.jsonl"
    lines = [json.dumps(facts), json.dumps(bad), json.dumps(facts), '{"id": 3}', "not json"]
    file.write_text("\n".join(lines), encoding="utf-8")
    count, reports = check([file], demo_words())
    assert count == 5
    assert [report.split(": ")[0] for report in reports] == [f"items.jsonl:{n}" for n in (2, 3, 4, 5)]
    assert "purple" in reports[0] and "no leaf" in reports[0]
    assert "twice" in reports[1]


def test_an_item_refuses_unknown_fields_and_impossible_values():
    for wrong in ({"colour": "red"}, {"minutes": 0}, {"rating": 6}, {"language": "French"}, {"category": "a/b/c/d"}):
        with pytest.raises(ValidationError):
            made(**wrong)


def test_an_item_cannot_be_changed():
    with pytest.raises(ValidationError):
        made().title = "Other"


def test_a_sitting_is_the_whole_book_but_one_episode_of_a_podcast():
    assert made().sitting_minutes == 600
    assert made(format="radio_drama").sitting_minutes == 600
    assert made(format="podcast").sitting_minutes == 30


def test_a_price_belongs_to_paid_access():
    assert any("price" in fault for fault in faults(made(price=3.0), demo_words()))


@pytest.mark.parametrize("language", ["fr", "ja", "yue"])
def test_an_item_of_any_language_can_be_checked(language):
    tags, words = ("sea", "storm", "ship"), demo_words()
    good = made(language=language, description="Un phare, une lettre, un secret.", tags=tags, moods=("cozy",))
    assert list(faults(good, words)) == []
    assert any("description" in fault for fault in faults(good.model_copy(update={"description": "?"}), words))


def test_under_counts_the_path_itself_but_no_longer_slug():
    assert under("a/b", "a/b") and under("a/b/c", "a/b")
    assert not under("a/bc", "a/b") and not under("a", "a/b")


def test_a_category_holds_what_lies_below_it(demo):
    parent, child = demo.in_category("mystery"), demo.in_category("mystery/detective/cozy")
    assert child.any() and (parent | child == parent).all() and parent.sum() > child.sum()


def test_a_person_is_found_in_either_script_and_in_company(demo):
    assert (demo.by_author("金庸") == demo.by_author("jin yong")).all()
    assert {demo.items[row].language for row in demo.by_author("Jin Yong").nonzero()[0]} == {"en", "zh"}
    assert demo.by_narrator("于谦").any()
    assert demo.by_author("James Holland").any()


def test_a_tag_reaches_tags_moods_categories_and_formats(demo):
    scary = demo.with_tag("恐怖")
    assert (scary[demo.in_category("horror")]).all() and (scary[demo.with_mood("scary")]).all()
    podcasts = demo.with_tag("podcasts")
    assert all(podcasts[row] for row, item in enumerate(demo.items) if item.format == "podcast")
    assert demo.with_tag("black hole").any()


def test_a_tag_is_a_category_only_where_a_label_says_the_word_and_a_theme_also_by_its_aliases(demo):
    for part, path in (("aliens", "scifi-fantasy/scifi"), ("golf", "news/society/sports"), ("女频", "romance")):
        held = demo.in_category(path)
        assert not demo.with_tag(part)[held].all() and demo.holds("theme", part)[held].all(), part
    named = (
        ("horror", "horror"),
        ("灵异", "horror"),
        ("爱情", "romance"),
        ("sci-fi", "scifi-fantasy/scifi"),
        ("战争", "history/world-history/war"),
    )
    for word, path in named:
        assert demo.with_tag(word)[demo.in_category(path)].all(), word


def test_a_tag_needs_whole_words():
    catalogue = catalogue_of(made(tags=("warm hearts",)), made(id="x-2", title="B", tags=("cold war",)))
    assert catalogue.with_tag("war").tolist() == [False, True]


def test_a_tag_of_one_chinese_character_is_found_and_parts_no_word():
    catalogue = catalogue_of(made(tags=("猫",)), made(id="x-2", title="B", tags=("熊猫",)))
    assert catalogue.with_tag("猫").tolist() == [True, False]


def test_a_mood_may_be_said_in_any_word_for_it(demo):
    assert (demo.with_mood("hilarious") == demo.with_mood("funny")).all()
    assert (demo.with_scene("睡前") == demo.with_scene("bedtime")).all()


def test_an_unknown_key_holds_nothing_and_an_unknown_kind_is_refused(demo):
    assert not any(demo.holds(kind, "qqzzx").any() for kind in KINDS)
    with pytest.raises(ValueError, match="colour"):
        demo.holds("colour", "red")


def test_columns_lie_between_nought_and_one_and_follow_their_facts():
    items = [
        made(id=f"x-{n}", title=f"T{n}", plays=10**n, ratings_count=9, rating=1 + n, year=2000 + n) for n in range(1, 5)
    ]
    catalogue = catalogue_of(*items)
    for column in (catalogue.popularity, catalogue.quality, catalogue.recency):
        assert column.min() >= 0 and column.max() <= 1
        assert (np.diff(column) >= 0).all() and column[-1] > column[0]


def test_few_ratings_count_less_than_many():
    loved = made(id="loved", ratings_count=900, rating=4.6)
    lucky = made(id="lucky", title="B", ratings_count=1, rating=5.0)
    poor = made(id="poor", title="C", ratings_count=900, rating=3.0)
    quality = catalogue_of(loved, lucky, poor).quality
    assert quality[0] > quality[1] > quality[2]


def test_masks_and_columns_cannot_be_changed(demo):
    for array in (demo.in_category("mystery"), demo.popularity, demo.vectors):
        with pytest.raises(ValueError):
            array[0] = 1


def test_a_catalogue_refuses_repeats_and_missing_vectors():
    item = made()
    with pytest.raises(ValueError, match="unique"):
        catalogue_of(item, item)
    with pytest.raises(ValueError, match="one row an item"):
        Catalogue.build([item], demo_words(), np.zeros((2, 2)), lambda text: np.zeros(2))
    with pytest.raises(KeyError, match="nothing-here"):
        catalogue_of(item).item("nothing-here")


def test_an_empty_catalogue_is_a_catalogue():
    empty = catalogue_of()
    assert len(empty) == 0 and empty.in_category("mystery").shape == (0,)


def test_a_title_is_found_by_every_word_that_looking_through_all_items_finds_it_by(demo: Catalogue):
    said = [*demo.items[::11], *demo.items[5::43]]
    words = [part for item in said for part in (*re.split(r"[\s,:：·，]+", item.title), *item.tags[:1])]
    words += [name for item in demo.items[::50] for name in (*item.names, item.title[1:3], item.title.upper() + "s")]
    words += [label for one in demo.words.taxonomy.categories[::5] for label in (one.en, one.zh)]
    words += ["mysteries", "Mystery", "1984", "nineteen eighty-four", "20,000", "地球·往事", "傲慢與偏見", "水", ""]
    assert len(set(words)) > 500
    for word in dict.fromkeys(words):
        slow = [row for row, item in enumerate(demo.items) if named(item, word)]
        assert demo.rows_with("title", word).tolist() == slow, word


def test_an_item_is_named_by_whole_words_of_its_titles_and_its_series():
    item = made(title="The Mysteries of Udolpho", title_alt="奥多芙的神秘", series="Gothic Tales")
    assert item.names == ("The Mysteries of Udolpho", "奥多芙的神秘", "Gothic Tales")
    assert all(named(item, word) for word in ("mystery", "udolpho", "神秘", "gothic tale"))
    assert not any(named(item, word) for word in ("myster", "秘", "", "horror"))
    assert made().names == ("A Tale",)
