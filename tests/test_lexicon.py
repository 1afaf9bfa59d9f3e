"""Rules of the lexicon: it settles what a name is only where one thing alone is known, and changes nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat.llm.context import Context
from chat.llm.lexicon import Lexicon, lines
from chat.llm.understanding import Understanding


@pytest.fixture
def lexicon(tmp_path: Path) -> Lexicon:
    known = ("author\tUrsula K. Le Guin", "narrator\tJeremy Irons", "author\tStephen Fry", "narrator\tStephen Fry",
             "series\tDiscworld", "tag\tdragons", "author\tSimon & Garfunkel")  # fmt: skip
    (tmp_path / "names.en.tsv").write_text("\n".join(known) + "\n", encoding="utf-8")
    (tmp_path / "names.zh.tsv").write_text(
        "narrator\t田连元\nauthor\t余华\nauthor\t苏童\nauthor\t苏童华\n", encoding="utf-8"
    )
    return Lexicon(tmp_path)


@pytest.mark.parametrize(
    ("kind", "name", "settled"),
    [
        ("author", "Jeremy Irons", "narrator"),
        ("author", "jeremy  irons", "narrator"),
        ("author", "田连元", "narrator"),
        ("narrator", "Discworld", "series"),
        ("narrator", "ursula k le guin", "author"),
        ("narrator", "Stephen Fry", "narrator"),
        ("author", "nobody known", "author"),
        ("tag", "Jeremy Irons", "tag"),
        ("series", "dragons", "series"),
    ],
)
def test_a_kind_is_corrected_only_where_the_name_is_known_for_one_thing(
    lexicon: Lexicon, kind: str, name: str, settled: str
) -> None:
    args = {"kind": kind, "name": name, "weight_increase": 0.3}
    assert lexicon.settled(args, f"more {name}") == {**args, "kind": settled}


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("余华苏童", ["余华", "苏童"]),
        ("余华田连元苏童", ["余华", "田连元", "苏童"]),
        ("余华和苏童", ["余华", "苏童"]),
        ("余华、田连元", ["余华", "田连元"]),
        ("Jeremy Irons and Stephen Fry", ["Jeremy Irons", "Stephen Fry"]),
        ("Ursula K. Le Guin, Stephen Fry & jeremy irons", ["Ursula K. Le Guin", "Stephen Fry", "jeremy irons"]),
        ("苏童华", ["苏童华"]),
        ("余华先生", ["余华先生"]),
        ("余华Discworld", ["余华Discworld"]),
        ("Simon & Garfunkel", ["Simon & Garfunkel"]),
        ("Stephen Fry and friends", ["Stephen Fry and friends"]),
        ("and", ["and"]),
        ("", [""]),
    ],
)
def test_a_name_that_is_nothing_but_several_known_people_is_taken_apart(
    lexicon: Lexicon, name: str, names: list[str]
) -> None:
    args = {"kind": "author", "name": name, "weight_increase": 0.3}
    assert lexicon.apart(args) == [{**args, "name": part} for part in names]
    assert lexicon.apart({**args, "kind": "tag"}) == [{**args, "kind": "tag"}]


def test_calls_without_a_kind_stay_as_they_are(lexicon: Lexicon) -> None:
    args = {"query": "Jeremy Irons"}
    assert lexicon.settled(args, "got Jeremy Irons?") == args and lexicon.settled({}, "") == {}


@pytest.mark.parametrize("said", ["anything Ursula K Le Guin reads herself", "her voice, Ursula K Le Guin, more of it"])
def test_a_writer_may_be_meant_as_a_voice_where_the_words_speak_of_one(lexicon: Lexicon, said: str) -> None:
    args = {"kind": "narrator", "name": "Ursula K Le Guin", "weight_increase": 0.3}
    assert lexicon.settled(args, said) == args


@pytest.mark.parametrize(
    ("said", "kind", "name"),
    [
        ("Jeremy Irons wrote a book, didn't he? that one", "author", "Jeremy Irons"),
        ("田连元写的书来点", "author", "田连元"),
        ("the Stephen Fry series, all of it", "series", "Stephen Fry"),
        ("余华系列我全要", "series", "余华"),
    ],
)
def test_words_that_say_what_a_name_is_outdo_what_it_is_known_for(
    lexicon: Lexicon, said: str, kind: str, name: str
) -> None:
    args = {"kind": kind, "name": name, "weight_increase": 0.3}
    assert lexicon.settled(args, said) == args


def test_every_line_that_ships_is_a_name_of_a_known_kind_in_both_languages() -> None:
    kinds = {"author", "narrator", "series", "title", "category", "tag", "mood", "scene", "query"}
    for lang in ("en", "zh"):
        assert {kind for language, kind, _ in lines() if language == lang} == kinds
    assert all(name == name.strip() and 0 < len(name) <= 50 and name.isprintable() for *_, name in lines())


def test_the_chat_knows_who_speaks_and_who_writes() -> None:
    parse = Understanding.load().parse("I love Jeremy Irons", Context())
    assert [call.args["kind"] for call in parse.calls] == ["narrator"]
