"""Rules of the category tree and of the word lists."""

import pytest

from catalog.demo import demo_items, demo_words
from catalog.taxonomy import load_taxonomy
from catalog.vocabulary import load_vocabulary


def test_the_tree_has_three_levels_and_a_parent_for_every_child():
    tree = demo_words().taxonomy
    paths = [category.path for category in tree.categories]
    assert {category.level for category in tree.categories} == {1, 2, 3}
    assert all(path.rpartition("/")[0] in paths for path in paths if "/" in path)
    assert all(category.level == 3 for category in tree.leaves())


def test_children_are_one_level_below():
    tree = demo_words().taxonomy
    assert "mystery" in {category.path for category in tree.children(None)}
    assert {category.path for category in tree.children("mystery")} == {
        "mystery/detective",
        "mystery/thriller",
        "mystery/tomb",
    }
    assert tree.children("mystery/detective/cozy") == ()


def test_labels_come_in_both_languages_and_an_unknown_path_is_its_own():
    words = demo_words()
    assert words.taxonomy.label("history", "en") == "History & Culture"
    assert words.taxonomy.label("history", "zh") == "历史人文"
    assert words.taxonomy.label("no/such", "en") == "no/such"
    assert words.moods.label("funny", "zh") == "搞笑" and words.moods.label("odd", "en") == "odd"


def test_every_leaf_of_the_demonstration_has_items():
    used = {path for item in demo_items() for path in item.categories}
    assert [category.path for category in demo_words().taxonomy.leaves() if category.path not in used] == []


def test_an_unknown_path_or_slug_is_named():
    words = demo_words()
    with pytest.raises(KeyError, match="opera/soap"):
        words.taxonomy.get("opera/soap")
    with pytest.raises(KeyError, match="purple"):
        words.moods.get("purple")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a | A\n", 1),
        ("a | A | 甲\n   b | B | 乙\n", 2),
        ("a | A | 甲\n    b | B | 乙\n", 2),
        ("a | A | 甲\n  b | B | 乙\n    c | C | 丙\n      d | D | 丁\n", 4),
    ],
)
def test_a_bad_line_of_a_tree_is_named(tmp_path, text, line):
    file = tmp_path / "tree.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"tree.txt:{line}"):
        load_taxonomy(file)


def test_repeats_are_refused(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("a | A | 甲\na | B | 乙\n", encoding="utf-8")
    with pytest.raises(ValueError, match="twice"):
        load_vocabulary(file)
    with pytest.raises(ValueError, match="twice"):
        load_taxonomy(file)


def test_comments_blank_lines_and_missing_aliases_are_fine(tmp_path):
    file = tmp_path / "tree.txt"
    file.write_text("# note\n\na | A | 甲 | x, y,\n  b | B | 乙\n", encoding="utf-8")
    tree = load_taxonomy(file)
    assert tree.get("a").aliases == ("x", "y") and tree.get("a/b").aliases == ()


def test_a_path_may_be_less_some_of_its_parts():
    tree = demo_words().taxonomy
    less = tree.without("fiction", "mystery")
    assert less == "fiction -mystery" and tree.label(less, "en") == "Fiction except Mystery & Thriller"
    assert tree.label(less, "zh") == "小说（悬疑推理除外）"
    assert tree.without(less, "mystery/detective") is None and tree.without("mystery", "fiction") is None
    assert tree.without("history", "history/culture/food") == "history -history/culture/food"
    assert tree.without("history -history/culture/food", "history/culture") == "history -history/culture"
    assert tree.without("history", "history") is None and tree.without("history", "horror") is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [("= all | All | 全部 | everything", "must read"), ("= all | All | 全部 | | mystery, nowhere", "nowhere"),
     ("= mystery | All | 全部 | | mystery", "twice")],
)  # fmt: skip
def test_a_group_that_cannot_be_is_named(tmp_path, line, fault):
    file = tmp_path / "tree.txt"
    file.write_text(f"{line}\nmystery | Mystery | 悬疑\n", encoding="utf-8")
    with pytest.raises(ValueError, match=fault):
        load_taxonomy(file)


def test_an_alias_may_stand_for_all_of_its_category(tmp_path):
    file = tmp_path / "tree.txt"
    file.write_text("romance | Romance | 言情 | love=, 女频\n", encoding="utf-8")
    tree = load_taxonomy(file)
    assert tree.get("romance").aliases == ("love", "女频")
    assert tree.says("romance", "love") and not tree.says("romance", "女频")
