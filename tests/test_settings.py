"""Rules of the start: a setting that cannot be used is one sentence, and the key of a data folder is made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import _secret, main
from settings import CONFIG, SettingsError, load_settings


def test_a_settings_file_that_is_none_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / CONFIG).write_text('host = "127.0.0.1"\nport = \n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"attune\.toml cannot be read: .*line 2"):
        load_settings()


def test_a_settings_file_of_another_encoding_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / CONFIG).write_bytes("# 设置\n".encode("gbk"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"attune\.toml cannot be read"):
        load_settings()


def test_an_address_without_a_scheme_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMA_URL", "localhost:8000")
    with pytest.raises(SettingsError, match="http://HOST:PORT"):
        load_settings()


@pytest.mark.parametrize("name", ["taxonomy", "moods"])
def test_words_of_ones_own_that_cannot_be_read_end_the_start_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / f"{name}.txt").write_bytes("历史 | x".encode("gbk"))
    assert main(["--data-dir", str(tmp_path)]) == 2
    assert f"{name}.txt cannot be read" in capsys.readouterr().err


def test_such_a_file_ends_the_start_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / CONFIG).write_text("port = ", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("Attune cannot start: attune.toml")


def test_the_key_is_made_once_for_its_owner_alone_and_an_empty_one_anew(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    first = _secret(path)
    assert len(first) >= 32 and _secret(path) == first
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("", encoding="utf-8")
    assert len(_secret(path)) >= 32
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]
