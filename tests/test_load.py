"""Import: what is right comes in, what is wrong is named, and the old catalogue stays until the new one is whole."""

from __future__ import annotations

import csv
import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from catalog import load, opening
from catalog.demo import demo_items, demo_words
from catalog.load import main, read_named, read_source, upsert
from catalog.mapping import ItemCheck, Mapping, MappingError, load_mapping
from catalog.opening import CatalogueError, imported_items, items_file, open_catalogue, words_of
from catalog.sources import FOLDER, usual_moods
from tests.test_index import CountingEmbedder

WORDS = demo_words()
ROW = {
    "id": "p1", "title": "Salt & Smoke", "format": "podcast", "category": "history/culture/food", "language": "en",
    "minutes": 90, "episodes": 3, "price": 2.5, "added": "2024-05-01", "moods": ["cozy"], "tags": ["bread", "fire"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def toy_model(monkeypatch):
    monkeypatch.setattr(opening.Embedder, "load", lambda model, cache: CountingEmbedder())


def write_jsonl(path: Path, *rows: object) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_jsonl_csv_and_parquet_give_the_same_items(tmp_path):
    flat = {**ROW, "moods": "cozy", "tags": "bread; fire"}
    parquet.write_table(pa.Table.from_pylist([ROW]), tmp_path / "a.parquet")
    paths = [write_jsonl(tmp_path / "a.jsonl", ROW), write_csv(tmp_path / "a.csv", [flat]), tmp_path / "a.parquet"]
    found = [read_source(path, Mapping(), WORDS) for path in paths]
    assert all(faults == [] for _, faults in found)
    assert found[0][0] == found[1][0] == found[2][0]
    assert found[0][0][0].access == "paid"


@pytest.mark.parametrize("price", [0, 0.0, "0.00", "000", "00", " 0 ", Decimal("0.00")])
def test_a_price_of_nothing_is_free_however_it_is_written(price):
    assert ItemCheck(WORDS).item({**ROW, "price": price}).access == "free"


@pytest.mark.parametrize("price", [0.5, "0.01", "2", Decimal("1.50")])
def test_a_price_makes_an_item_paid_unless_the_table_says_how_it_is_heard(price):
    assert ItemCheck(WORDS).item({**ROW, "price": price}).access == "paid"
    assert ItemCheck(WORDS).item({**ROW, "price": price, "access": "free"}).access == "free"


def test_free_items_of_a_table_with_two_decimals_come_in_as_free(tmp_path):
    flat = {**ROW, "moods": "cozy", "tags": "bread; fire", "price": "0.00"}
    parquet.write_table(pa.Table.from_pylist([{**ROW, "price": Decimal("0.00")}]), tmp_path / "a.parquet")
    for path in (write_csv(tmp_path / "a.csv", [flat]), tmp_path / "a.parquet"):
        (item,), faults = read_source(path, Mapping(), WORDS)
        assert (faults, item.access, item.price) == ([], "free", 0.0)


def test_a_mapping_names_columns_constants_values_and_separators(tmp_path):
    (tmp_path / "shop.toml").write_text(
        """
        [columns]
        id = "sku"
        title = "name"
        language = "lang"
        minutes = "len"
        tags = "themes"
        [constants]
        format = "audiobook"
        category = "mystery/detective/cozy"
        added = 2024-01-01
        [values.language]
        English = "en"
        [split]
        tags = "|"
        """
    )
    rows = [{"sku": "7", "name": "Tea at Six", "lang": "English", "len": "95", "themes": "tea|village", "stock": "12"}]
    items, faults = read_source(write_csv(tmp_path / "shop.csv", rows), load_mapping(tmp_path / "shop.toml"), WORDS)
    assert faults == []
    assert (items[0].id, items[0].minutes, items[0].tags, items[0].access) == ("7", 95, ("tea", "village"), "free")


def test_a_mapping_from_a_column_that_does_not_exist_is_refused(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", ROW)
    with pytest.raises(MappingError, match="no column 'avg_rating'"):
        read_source(path, Mapping(columns={**{name: name for name in ROW}, "rating": "avg_rating"}), WORDS)


def test_a_mapping_to_a_field_that_does_not_exist_is_refused(tmp_path):
    (tmp_path / "bad.toml").write_text('[columns]\ntitel = "name"\n')
    with pytest.raises(MappingError, match="titel"):
        load_mapping(tmp_path / "bad.toml")
    (tmp_path / "worse.toml").write_text("[colums]\nid = 'x'\n")
    with pytest.raises(MappingError, match="colums"):
        load_mapping(tmp_path / "worse.toml")


def test_bad_rows_are_named_by_line_and_reason_and_the_rest_comes_in(tmp_path):
    path = write_jsonl(
        tmp_path / "a.jsonl", ROW, "{broken", "", {**ROW, "id": "p2", "minutes": -4}, {**ROW, "id": "p3", "colour": 1},
        "[1]", {**ROW, "id": "p4", "category": "cooking"}, {**ROW, "id": "p5", "moods": ["spicy"]}, {"id": "p6"},
        ROW, {**ROW, "id": "p7"},
    )  # fmt: skip
    items, faults = read_source(path, Mapping(), WORDS)
    assert [item.id for item in items] == ["p1", "p7"]
    assert [fault.line for fault in faults] == [2, 4, 5, 6, 7, 8, 9, 10]
    reasons = " / ".join(fault.reason for fault in faults)
    for word in ("not JSON", "minutes -4", "colour", "braces", "'cooking'", "'spicy'", "title is missing", "line 1"):
        assert word in reasons


def test_a_broken_csv_row_spoils_only_itself(tmp_path):
    path = tmp_path / "a.csv"
    head = "id,title,format,category,language,minutes,added\n"
    good = '{},"A ""B"",\nC",podcast,history/culture/food,en,30,2024-01-01\n'
    path.write_bytes(
        b"\xef\xbb\xbf"
        + (head + good.format("a") + "b,too short\n" + good.format("c")).encode()
        + b"d\xff"
        + good.encode()
    )
    items, faults = read_source(path, Mapping(), WORDS)
    assert [item.id for item in items] == ["a", "c"]
    assert items[0].title == 'A "B",\nC'
    assert [(fault.line, fault.reason[:7]) for fault in faults] == [(4, "2 cells"), (7, "not UTF")]


@pytest.mark.parametrize("rows", [20, 2000])
def test_a_quotation_mark_that_is_never_closed_is_named(tmp_path, rows):
    path = tmp_path / "a.csv"
    head = "id,title,format,category,language,minutes,added\n"
    row = "{},{},podcast,history/culture/food,en,30,2024-01-01\n"
    long = "".join(row.format(f"x{n}", "T" * 90) for n in range(rows))
    path.write_text(head + row.format("a", "A") + row.format("b", '"B') + long, encoding="utf-8")
    items, faults = read_source(path, Mapping(), WORDS)
    assert items[0].id == "a" and "b" not in {item.id for item in items}
    assert faults[0].line == 3 and "quotation mark" in faults[0].reason


def test_importing_twice_changes_nothing(tmp_path):
    items, _ = read_source(write_jsonl(tmp_path / "a.jsonl", ROW, {**ROW, "id": "p2"}), Mapping(), WORDS)
    assert upsert(tmp_path, items) == (2, 0)
    before = items_file(tmp_path).read_bytes()
    assert upsert(tmp_path, items) == (0, 0)
    assert items_file(tmp_path).read_bytes() == before


def test_items_are_put_in_by_id_and_the_others_stay(tmp_path):
    one, two = read_source(write_jsonl(tmp_path / "a.jsonl", ROW, {**ROW, "id": "p2"}), Mapping(), WORDS)[0]
    upsert(tmp_path, [one, two])
    newer = one.model_copy(update={"title": "Salt, Smoke & Ash"})
    assert upsert(tmp_path, [newer]) == (0, 1)
    assert imported_items(tmp_path) == [newer, two]
    upsert(tmp_path, [two], replace=True)
    assert imported_items(tmp_path) == [two]


def test_a_crash_while_writing_leaves_the_old_catalogue(tmp_path, monkeypatch):
    one, two = read_source(write_jsonl(tmp_path / "a.jsonl", ROW, {**ROW, "id": "p2"}), Mapping(), WORDS)[0]
    upsert(tmp_path, [one])

    def crash(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(load.os, "fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        upsert(tmp_path, [one, two])
    assert imported_items(tmp_path) == [one]


def test_the_demonstration_catalogue_opens_until_something_is_imported(tmp_path):
    assert len(open_catalogue(tmp_path)) == len(demo_items())
    assert main([str(write_jsonl(tmp_path / "a.jsonl", ROW)), "--data", str(tmp_path)]) == 0
    catalogue = open_catalogue(tmp_path)
    assert [item.id for item in catalogue.items] == ["p1"]
    assert catalogue.vectors.shape == (1, 4)


def test_opening_reports_progress_from_nothing_to_everything(tmp_path):
    told: list[float] = []
    open_catalogue(tmp_path, progress=lambda share, line: told.append(share))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


def test_a_spoilt_catalogue_file_is_named_with_its_line(tmp_path):
    items_file(tmp_path).parent.mkdir(parents=True)
    items_file(tmp_path).write_text('{"id": 1}\n')
    with pytest.raises(CatalogueError, match="line 1"):
        open_catalogue(tmp_path)


def test_a_folder_may_bring_words_of_its_own(tmp_path):
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "taxonomy.txt").write_text(
        "radio | Radio | 广播\n  talk | Talk | 谈话\n    late | Late | 深夜\n"
    )
    words = words_of(tmp_path)
    assert [category.path for category in words.taxonomy.leaves()] == ["radio/talk/late"]
    assert words.moods.terms == WORDS.moods.terms


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["librivox", "--data-folder", "{tmp}"], "--data-folder"),
        (["{tmp}/nowhere.jsonl"], "nowhere.jsonl"),
        (["{tmp}/table.xlsx"], ".jsonl, .ndjson, .csv"),
        (["{tmp}/empty.jsonl"], "no usable row"),
    ],
)
def test_what_cannot_be_imported_is_said_in_a_sentence(tmp_path, capsys, arguments, said):
    (tmp_path / "table.xlsx").write_text("")
    (tmp_path / "empty.jsonl").write_text("")
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    assert main([*filled, "--data", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err
    assert not items_file(tmp_path).exists()


LIBRIVOX = {
    "id": "id_47", "title": "Count of Monte Cristo ", "language": "English", "totaltime": "51:02:25",
    "url_librivox": "", "url_iarchive": "http://archive.org/details/monte", "readers": "1;2", "authors": "3",
    "genres": "Historical Fiction", "publicdate": "2006-03-01 12:00:00", "downloads": "120.0", "status": "-1",
    "author": "Alexandre Dumas", "reader_names": "Ann, Bob",
}  # fmt: skip


def test_librivox_recordings_become_items(tmp_path):
    (tmp_path / "librivox").mkdir()
    unknown = {**LIBRIVOX, "id": "id_48", "totaltime": "", "author": "Various", "reader_names": ",".join("abcdef")}
    write_csv(tmp_path / "librivox" / "librivox_books.csv", [LIBRIVOX, unknown])
    (book, other), faults = read_named("librivox", tmp_path, WORDS)
    assert faults == []
    assert (book.id, book.title, book.minutes, book.plays) == ("librivox-47", "Count of Monte Cristo", 3062, 120)
    assert (book.narrator, book.url) == ("Ann, Bob", "http://archive.org/details/monte")
    assert book.category == "urban-history/historical-fiction/europe"
    assert (other.author, other.narrator, other.minutes) == (None, "LibriVox volunteers", 3062)
    assert "length estimated" in other.tags


def test_goodbooks_become_items(tmp_path):
    folder = tmp_path / "goodbooks10k"
    folder.mkdir()
    book = {
        "book_id": 1, "goodreads_book_id": 9, "authors": "Suzanne Collins", "original_publication_year": "2008.0",
        "title": "The Hunger Games (The Hunger Games, #1)", "language_code": "eng", "average_rating": 4.34,
        "ratings_count": 47, "work_ratings_count": 49,
    }  # fmt: skip
    write_csv(folder / "books.csv", [book])
    write_csv(folder / "genre_weights_35.csv", [{"young-adult": 0.5, "fantasy": 0.4, "science-fiction": 0.3}])
    write_csv(folder / "descriptions_joined.csv", [{"book_id": 1, "description": " A girl in an arena. "}])
    write_csv(folder / "genres.csv", [{"book_id": 1, "genres": "ya-dystopia,to-read-fiction,fantasy,teen"}])
    (item,), faults = read_named("goodbooks", tmp_path, WORDS)
    assert faults == []
    assert (item.title, item.series, item.year) == ("The Hunger Games", "The Hunger Games", 2008)
    assert item.categories == (
        "scifi-fantasy/scifi/dystopia", "scifi-fantasy/fantasy/epic", "scifi-fantasy/scifi/space",
        "romance/youth/young-adult",
    )  # fmt: skip
    assert item.tags == ("dystopia", "teenage", "fantasy", "science fiction", "young adult", "length estimated")
    assert item.age == "all"
    assert item.description == "A girl in an arena."


def test_a_book_without_shelves_has_its_genres_alone(tmp_path):
    folder = tmp_path / "goodbooks10k"
    folder.mkdir()
    book = {
        "book_id": 1, "goodreads_book_id": 9, "authors": "A", "original_publication_year": "", "title": "T",
        "language_code": "", "average_rating": 4, "ratings_count": 4, "work_ratings_count": 4,
    }  # fmt: skip
    write_csv(folder / "books.csv", [book])
    write_csv(folder / "genre_weights_35.csv", [{"fantasy": 0.4}])
    (item,), faults = read_named("goodbooks", tmp_path, WORDS)
    assert (faults, item.categories) == ([], ("scifi-fantasy/fantasy/epic",))
    assert item.tags == ("fantasy", "length estimated")


def test_a_shelf_belongs_to_one_theme_and_a_narrower_leaf_to_a_theme_that_exists():
    table = opening_table("goodbooks")
    shelves = [shelf for names in table["themes"].values() for shelf in names]
    assert len(shelves) == len(set(shelves))
    assert set(table["narrower"]) | set(table["ages"]) <= set(table["themes"])


def test_every_path_and_mood_of_the_mappings_exists():
    leaves = {category.path for category in WORDS.taxonomy.leaves()}
    for name, tables in (
        ("librivox", ("genres", "nonfiction", "literature", "poetry")),
        ("goodbooks", ("genres", "narrower")),
    ):
        mapping = opening_table(name)
        for table in tables:
            paths = {path for path in mapping[table].values() if not path.startswith("@")}
            assert paths <= leaves, name
    for leaf in leaves:
        moods = usual_moods(leaf)
        assert 1 <= len(moods) <= 4
        assert all(mood in WORDS.moods for mood in moods)


def opening_table(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def test_a_query_of_which_the_model_reads_nothing_has_no_direction():
    embed = opening.query_embedding(CountingEmbedder(), WORDS)
    assert not embed("黄仁宇").any()
    assert np.allclose(embed("猫"), embed("cats"))
