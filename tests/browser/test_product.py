"""The whole product in a real Chromium: real catalogue, embedding, database, embedded model and page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import build
from settings import load_settings

expect = pytest.importorskip("playwright.sync_api").expect
Visit = Callable[..., Any]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("product")
    return build(load_settings({"data_dir": folder, "simulated_listeners": 30})).conversation


def say(page: Any, text: str) -> None:
    """Says it and waits for the answer and its list: the page is at rest when the list knows of two messages more."""
    listed = page.locator("#at-list .at-list")
    before = int(listed.get_attribute("data-after"))
    page.locator("#at-box textarea").fill(text)
    page.locator("#at-box textarea").press("Enter")
    expect(listed).to_have_attribute("data-after", str(before + 2))
    expect(page.locator("#at-stop")).to_be_hidden()
    expect(page.locator("#at-send")).to_be_visible()


def shown(page: Any) -> list[str]:
    return [card.get_attribute("data-item") for card in page.locator("#at-list .at-card").all()]


def changes(page: Any, before: list[str]) -> bool:
    """Waits until the list is another one."""
    told = "before => [...document.querySelectorAll('#at-list .at-card')].map(c => c.dataset.item).join() !== before"
    return bool(page.wait_for_function(told, arg=",".join(before)))


def factors(page: Any) -> list[str]:
    return [row.get_attribute("data-factor") for row in page.locator(".at-params li").all()]


@pytest.mark.parametrize(
    ("locale", "sentence", "mood"),
    [
        ("en-US", "something short and funny for the commute, finished only", "funny"),
        ("zh-CN", "睡前想听点治愈的，不要恐怖的", "healing"),
    ],
)
def test_a_taste_sentence_sets_parameters_and_changes_the_list(
    visit: Visit, locale: str, sentence: str, mood: str
) -> None:
    page = visit(locale=locale)
    before = shown(page)
    say(page, sentence)
    expect(page.locator(f'.at-params li[data-key="{mood}"]')).to_have_count(1)
    assert len(factors(page)) >= 3
    assert changes(page, before) and shown(page)
    assert all(reason.strip() for reason in page.locator(".at-card .at-reason").all_inner_texts())
    assert page.faults == [] and page.elsewhere == []


def test_like_hide_and_more_like_this_reach_the_list(visit: Visit) -> None:
    page = visit()
    first = page.locator("#at-list .at-card").first
    item = first.get_attribute("data-item")
    first.locator("[data-act=like]").click()
    expect(page.locator(f'.at-card[data-item="{item}"] [data-act=like]')).to_have_attribute("aria-pressed", "true")
    disliked = shown(page)[1]
    page.locator(f'.at-card[data-item="{disliked}"] [data-act=dislike]').click()
    page.locator("#at-list [data-act=refresh]").click()
    expect(page.locator(f'.at-card[data-item="{disliked}"]')).to_have_count(0)
    anchor = shown(page)[0]
    page.locator(f'.at-card[data-item="{anchor}"] [data-act=more]').click()
    expect(page.locator(f'#at-list .at-card[data-item="{anchor}"]')).to_have_count(0)


def test_two_cards_hidden_in_quick_succession_are_both_gone(visit: Visit) -> None:
    page = visit()
    hidden = shown(page)[:2]
    for item in hidden:
        page.evaluate("item => document.querySelector(`[data-item='${item}'] [data-act=dislike]`).click()", item)
        page.wait_for_timeout(20)
    for item in hidden:
        expect(page.locator(f'.at-card[data-item="{item}"]')).to_have_count(0)
    page.reload()
    expect(page.locator("#at-list .at-card").first).to_be_visible()
    assert not set(hidden) & set(shown(page))


def test_the_panel_changes_the_list_and_undo_takes_it_back(visit: Visit) -> None:
    page = visit()
    say(page, "more history")
    row = page.locator(".at-params li").first
    before = shown(page)
    row.locator("[data-act=remove]").click()
    expect(page.locator(".at-params li")).to_have_count(0)
    assert changes(page, before)
    page.locator("#at-panelbox [data-act=undo]").click()
    expect(page.locator(".at-params li")).to_have_count(1)
    say(page, "undo that")
    expect(page.locator(".at-params li")).to_have_count(0)


def test_a_reload_remembers_and_a_second_person_sees_nothing(visit: Visit) -> None:
    page, other = visit(), visit()
    say(page, "no horror please")
    page.reload()
    expect(page.locator(".at-params li")).to_have_count(1)
    expect(page.locator("#at-chat [data-testid=user]").last).to_contain_text("no horror please")
    other.reload()
    other.locator(".at-card").first.wait_for()
    expect(other.locator(".at-params li")).to_have_count(0)
    expect(other.locator("#at-chat [data-testid=user]")).to_have_count(0)


def test_words_without_meaning_are_no_dead_end(visit: Visit) -> None:
    page = visit()
    say(page, "florble grumpf zzyzx")
    assert page.locator("#at-chips .at-chip").count() >= 3
    assert shown(page)
    first = page.locator("#at-chips .at-chip").first
    words = first.inner_text()
    first.click()
    expect(page.locator("#at-chat [data-testid=user]").last).to_contain_text(words)
    assert shown(page)


@pytest.mark.parametrize("vague", ["hmm I don't know", "the murder of roger ackroyd?! hm, what was that about poirot"])
def test_an_answer_that_is_offered_to_a_question_can_be_tapped(visit: Visit, vague: str) -> None:
    page = visit()
    usual = page.locator("#at-chips .at-chip").all_inner_texts()
    say(page, vague)
    answer = page.locator("#at-chips .at-chip").first
    words = answer.inner_text()
    assert words not in usual
    answer.click()
    expect(page.locator("#at-chat [data-testid=user]").last).to_contain_text(words)


def open_teaching(page: Any) -> Any:
    card = page.locator("#at-teach")
    card.locator("summary").click()
    expect(card.locator("[data-field=said]")).to_be_visible()
    return card


def teach(page: Any, said: str, means: str) -> None:
    card = page.locator("#at-teach")
    card.locator("[data-field=said]").fill(said)
    card.locator("[data-field=means]").fill(means)
    card.locator("[data-field=means]").press("Enter")
    expect(card.locator(".at-notice")).to_contain_text(said)


def test_to_teach_an_expression_works_from_the_next_sentence_for_everybody_until_withdrawn(visit: Visit) -> None:
    page, other = visit(locale="zh-CN"), visit(locale="zh-CN")
    card = open_teaching(page)
    teach(page, "小甜饼", "甜的言情")
    expect(card.locator(".at-notice")).to_contain_text("言情")
    expect(card.locator("[data-field=said]")).to_have_value("")
    expect(card.locator("[data-field=means]")).to_be_focused()
    say(other, "想听小甜饼")
    expect(other.locator('.at-params li[data-key="romance"]')).to_have_count(1)
    expect(other.locator("#at-chips .at-change").filter(has_text="言情")).to_have_count(1)
    card.locator(".at-lessons [data-act=withdraw]").click()
    expect(card.locator(".at-lessons [data-act=again]")).to_be_focused()
    third = visit(locale="zh-CN")
    say(third, "想听小甜饼")
    expect(third.locator('.at-params li[data-key="romance"]')).to_have_count(0)
    assert page.faults == [] and other.faults == [] and page.elsewhere == []


def test_to_teach_markup_shows_letters_and_correcting_it_takes_the_focus(visit: Visit) -> None:
    page = visit(width=390, height=844)
    card = open_teaching(page)
    hostile = "<img src=x onerror=alert(1)> ${window.hacked=1} {{value}}"
    teach(page, hostile, "something calm")
    expect(card.locator(".at-lesson q").filter(has_text="<img")).to_have_text(hostile)
    card.locator(".at-lessons li").filter(has_text="<img").locator("[data-act=correct]").click()
    expect(card.locator("[data-field=said]")).to_be_focused()
    expect(card.locator("[data-field=said]")).to_have_value(hostile)
    card.locator("[data-field=said]").fill("cosy")
    card.get_by_role("button", name="Teach", exact=True).click()
    expect(card.locator(".at-lessons li").filter(has_text="<img")).to_have_count(0)
    expect(card.get_by_role("button", name="Teach", exact=True)).to_be_focused()
    assert page.locator("#at-teach img").count() == 0 and page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert page.faults == []


def test_words_typed_to_teach_survive_a_turn(visit: Visit) -> None:
    page = visit()
    card = open_teaching(page)
    card.locator("[data-field=said]").fill("half a thought")
    say(page, "more history")
    expect(card.locator("[data-field=said]")).to_have_value("half a thought")
    card.get_by_role("button", name="Teach", exact=True).click()
    expect(card.locator(".at-alert")).to_contain_text("Fill in both boxes")
    expect(card.locator("[data-field=said]")).to_have_value("half a thought")
