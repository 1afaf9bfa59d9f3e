"""Search: names first, words and meaning together, in both languages, only where it may look."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.catalogue import Catalogue
from catalog.demo import demo_items, demo_words
from catalog.gloss import Gloss
from catalog.lexical import Lexical, pieces, stem
from catalog.search import Search
from catalog.shelf import Shelf, shelf
from catalog.wishes import core

DIM = 64


def toy_vector(text: str) -> np.ndarray:
    """A bag of words as a vector: texts with common words are near each other."""
    vector = np.full(DIM, 1e-6, dtype=np.float32)
    for word in pieces(text):
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIM] += 1
    return vector / np.linalg.norm(vector)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    items = demo_items()
    vectors = np.stack([toy_vector(f"{item.title} {' '.join(item.tags)}") for item in items])
    return Catalogue.build(items, demo_words(), vectors, toy_vector)


@pytest.fixture(scope="module")
def search(catalogue: Catalogue) -> Search:
    return Search(catalogue)


def test_a_title_comes_first_however_it_is_typed(catalogue, search):
    for item in catalogue.items[::9]:
        for typed in (item.title, item.title.upper(), f"  {item.title}! "):
            best = catalogue.items[search.query(typed, 1)[0].row]
            assert item.title.casefold() in {best.title.casefold(), (best.title_alt or "").casefold()}, typed


def test_a_title_in_the_other_language_comes_first(catalogue, search):
    for item in [item for item in catalogue.items if item.title_alt][::9]:
        best = [catalogue.items[hit.row] for hit in search.query(item.title_alt, 5)]
        assert item in best, item.title_alt
        assert item.title_alt.casefold() in {best[0].title.casefold(), (best[0].title_alt or "").casefold()}


def test_a_title_in_traditional_characters_comes_first(catalogue, search):
    assert catalogue.items[search.query("紅樓夢", 1)[0].row].title.startswith("红楼梦")


def test_everything_by_an_author_comes_before_everything_else(catalogue, search):
    for author in ("Agatha Christie", "agatha christie", "刘慈欣"):
        written = set(np.flatnonzero(catalogue.by_author(author)))
        assert {hit.row for hit in search.query(author, len(written))} == written


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("I want to listen to The Moonstone please", "The Moonstone"),
        ("the moonstone", "The Moonstone"),
        ("给我推荐三体吧", "三体"),
    ],
)
def test_the_words_of_asking_do_not_matter(catalogue, search, asked, meant):
    assert catalogue.items[search.query(asked, 1)[0].row].title == meant


def test_an_author_inside_a_longer_request_lifts_their_items(catalogue, search):
    found = [catalogue.items[hit.row] for hit in search.query("an Agatha Christie mystery", 2)]
    assert {item.author for item in found} == {"Agatha Christie"}
    assert catalogue.items[search.query("郭德纲的相声", 1)[0].row].author.startswith("郭德纲")


def test_a_query_that_is_only_asking_words_is_taken_by_the_letter():
    assert core("something you like") == "something you like"
    assert core("It") == "It"
    assert core("I want something about whales") == "whales"
    assert core("我想听鬼故事") == "鬼故事"


def test_nothing_outside_the_mask_is_found(catalogue, search):
    mask = catalogue.languages == "zh"
    for query in ("Agatha Christie", "The Moonstone", "funny", "鬼故事"):
        assert all(mask[hit.row] for hit in search.query(query, 100, mask))
    assert search.query("The Moonstone", 10, np.zeros(len(catalogue), dtype=bool)) == []
    assert all(mask[hit.row] for hit in search.similar(0, 50, mask))


def test_similar_items_are_other_items(search):
    found = search.similar(3, 20)
    assert len(found) == 20
    assert 3 not in {hit.row for hit in found}
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_nothing_is_found_for_nothing(search):
    assert search.query("", 10) == []
    assert search.query("  ", 10) == []
    assert search.query("funny", 0) == []


def test_the_same_query_gives_the_same_list(catalogue, search):
    assert search.query("funny detective", 80) == Search(catalogue).query("funny detective", 80)


def test_a_shorter_list_is_the_beginning_of_a_longer_one(search):
    assert search.query("funny detective", 7) == search.query("funny detective", 200)[:7]


@given(text=st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_gives_an_ordered_list_without_repeats(search, text):
    hits = search.query(text, 40)
    assert len({hit.row for hit in hits}) == len(hits)
    assert all(0 <= value <= 1 for hit in hits for value in (hit.score, hit.lexical, hit.semantic))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_plurals_accents_and_width_are_one_word():
    index = Lexical([[("Café mysteries", 1.0)], [("something else", 1.0)]])
    for query in ("cafe", "CAFÉ", "mystery", "mysteries", "ｃａｆｅ"):
        assert index.scores(query)[0] > 0 == index.scores(query)[1], query
    assert stem("boxes") == "box"
    assert stem("glass") == "glass"


def test_a_pair_of_chinese_characters_counts_more_than_its_parts():
    index = Lexical([[("鬼故事", 1.0)], [("鬼马小事情与故人", 1.0)]])
    scores = index.scores("鬼故事")
    assert scores[0] > 2 * scores[1] > 0


def test_an_unknown_word_makes_a_match_weaker():
    index = Lexical([[("whale song", 1.0)]])
    assert index.scores("whale") > index.scores("whale zeppelin") > 0
    assert not index.scores("zeppelin").any()


def test_an_empty_catalogue_can_be_searched():
    empty = Search(Catalogue.build([], demo_words(), np.zeros((0, DIM), dtype=np.float32), toy_vector))
    assert empty.query("anything", 5) == []


def test_known_chinese_words_are_put_into_english():
    gloss = Gloss.of(demo_words())
    assert gloss.in_english("睡前 podcast") == "podcast bedtime sleep"
    assert gloss.english("关于猫的故事") == "cats story"
    assert gloss.english("披发入森林", shortest=2) == "forest"
    assert gloss.in_english("黄仁宇") == ""
    assert gloss.in_english("plain English") == "plain English"


@pytest.mark.parametrize("query", ["广播剧", "播客", "悬疑", "评书", "comedy", "radio dramas"])
def test_a_query_that_names_a_kind_of_thing_finds_what_is_of_that_kind_first(catalogue, search, query):
    kind = shelf(query, catalogue)
    assert kind is not None
    own = kind.mask(catalogue)
    assert own[[hit.row for hit in search.query(query, 6)]].all()


def test_a_shelf_is_named_by_all_of_a_query_and_the_narrowest_is_meant(catalogue):
    assert shelf("radio dramas", catalogue) == Shelf(("drama/radio",), ("radio_drama",))
    assert shelf("podcasts", catalogue) == Shelf((), ("podcast",))
    assert all(shelf(query, catalogue) is None for query in ("Dracula", "a comedy of manners", "刘慈欣", "三国", ""))


@pytest.mark.parametrize("query", ["三国", "sea", "midnight"])
def test_titles_that_hold_a_query_come_before_what_is_only_near_in_meaning(catalogue, search, query):
    titled, marked = catalogue.holds("title", query), catalogue.with_tag(query)
    found = [bool(titled[hit.row]) for hit in search.query(query, 100) if titled[hit.row] or not marked[hit.row]]
    assert any(found) and found == sorted(found, reverse=True)
