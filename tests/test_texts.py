"""Texts are strict, versioned, and the same in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompts.texts import PromptError, Texts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for lang, greeting in (("en", "Hello {{ name }}{% if late %}, still up?{% endif %}"), ("zh", "你好，{{ name }}")):
        (tmp_path / lang).mkdir()
        source = f'greet = "{greeting}"\nbye = "bye"\n[deep]\nkey = "within"\n'
        (tmp_path / lang / "talk.toml").write_text(source, encoding="utf-8")
    return tmp_path


def test_a_text_is_rendered_with_its_values(folder: Path) -> None:
    texts = Texts.load(folder)
    assert texts.say("talk.greet", "zh", name="小雨") == "你好，小雨"
    assert texts.say("talk.greet", "en", name="Maya", late=True) == "Hello Maya, still up?"
    assert texts.say("talk.deep.key", "en") == "within"


def test_a_missing_value_is_an_error_that_names_it(folder: Path) -> None:
    with pytest.raises(PromptError, match=r"talk\.greet \(en\) needs late"):
        Texts.load(folder).say("talk.greet", "en", name="Maya")


def test_an_unused_value_is_an_error_that_names_it(folder: Path) -> None:
    with pytest.raises(PromptError, match="does not use nmae"):
        Texts.load(folder).say("talk.bye", "en", nmae="Maya")


def test_an_unknown_text_is_an_error_that_lists_its_neighbours(folder: Path) -> None:
    with pytest.raises(PromptError, match=r"talk\.hello.*talk\.greet"):
        Texts.load(folder).say("talk.hello", "en")


def test_markup_in_a_value_stays_text(folder: Path) -> None:
    assert Texts.load(folder).say("talk.greet", "zh", name="{{ name }}<b>") == "你好，{{ name }}<b>"


@pytest.mark.parametrize("source", ["key = 3", "key = [", 'key = "{{ open"'])
def test_a_broken_file_is_refused_when_loading(folder: Path, source: str) -> None:
    (folder / "en" / "broken.toml").write_text(source, encoding="utf-8")
    with pytest.raises(PromptError, match="broken"):
        Texts.load(folder)


def test_a_version_changes_with_the_words_of_either_language_and_with_nothing_else(folder: Path) -> None:
    before = Texts.load(folder)
    source = (folder / "zh" / "talk.toml").read_text(encoding="utf-8")
    (folder / "zh" / "talk.toml").write_text(source.replace("你好", "您好"), encoding="utf-8")
    after = Texts.load(folder)
    assert before.version("talk.greet") != after.version("talk.greet")
    assert before.version("talk.bye") == after.version("talk.bye")
    assert before.version("talk") != after.version("talk")
    assert after.version("talk.greet").startswith("talk.greet@")


def test_each_text_of_the_product_exists_in_both_languages_and_wants_the_same_values() -> None:
    texts = Texts.load()
    differing = [name for name in texts.names() if texts.wants(name, "en") != texts.wants(name, "zh")]
    assert not differing
