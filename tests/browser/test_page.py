"""The page in a real Chromium, over the canned conversation."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.fake_conversation import FakeConversation

expect = pytest.importorskip("playwright.sync_api").expect
Visit = Callable[..., Any]


def send(page: Any, text: str) -> None:
    page.locator("#at-box textarea").fill(text)
    page.locator("#at-box textarea").press("Enter")


def say(page: Any, text: str) -> None:
    """Says it and waits until the turn runs; `settled` then waits for its end."""
    send(page, text)
    expect(page.locator("#at-chat [data-testid=user]").last).to_contain_text(text.strip()[:40])


def settled(page: Any) -> None:
    expect(page.locator("#at-send")).to_be_visible()
    expect(page.locator("#at-stop")).to_be_hidden()


def skip_onboarding(page: Any) -> None:
    page.locator("#at-onboarding [data-act=skip]").click()
    expect(page.locator("#at-onboarding .at-onboard")).to_be_hidden()


def overflow(page: Any) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_a_first_visit_shows_a_list_the_onboarding_card_and_an_empty_panel(visit: Visit) -> None:
    page = visit()
    expect(page.get_by_role("heading", name="Attune")).to_be_visible()
    expect(page.locator("#at-onboarding")).to_contain_text("A quick start")
    assert page.locator(".at-card").count() >= 3
    expect(page.locator("#at-panelbox")).to_contain_text("Nothing is set yet")
    expect(page.locator("#at-stop")).to_be_hidden()
    assert page.faults == [] and page.elsewhere == []


def test_onboarding_by_tapping_fills_the_panel_and_does_not_come_back(visit: Visit) -> None:
    page = visit()
    for taste in page.locator("#at-onboarding input[type=checkbox]").all()[:3]:
        taste.check()
    page.locator("#at-onboarding").get_by_role("button", name="Start").click()
    expect(page.locator(".at-params li")).to_have_count(3)
    page.reload()
    expect(page.locator(".at-params li")).to_have_count(3)
    expect(page.locator(".at-onboard")).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "sentence", "reply"),
    [
        ("en-US", "something short and funny for the commute, finished only", "More funny, finished only"),
        ("zh-CN", "睡前想听点治愈的，不要恐怖的", "多一些治愈"),
    ],
)
def test_a_sentence_is_understood_answered_and_shown_in_the_panel(
    visit: Visit, locale: str, sentence: str, reply: str
) -> None:
    page = visit(locale=locale)
    before = page.locator(".at-card").first.get_attribute("data-item")
    say(page, sentence)
    expect(page.locator("#at-chat [data-testid=user]").last).to_contain_text(sentence)
    expect(page.locator("#at-chat [data-testid=bot]").last).to_contain_text(reply)
    settled(page)
    expect(page.locator("#at-chips .at-change")).to_have_count(2)
    expect(page.locator(".at-params li")).to_have_count(2)
    expect(page.locator("#at-box textarea")).to_have_value("")
    expect(page.locator("#at-onboarding")).to_be_hidden()
    assert page.locator(".at-card").first.get_attribute("data-item") != before
    assert page.evaluate("document.documentElement.lang") == ("zh-CN" if locale == "zh-CN" else "en")


def test_a_chip_runs_a_turn_of_its_own(visit: Visit) -> None:
    page = visit()
    page.locator("#at-chips").get_by_role("button", name="Surprise me").click()
    expect(page.locator("#at-chat [data-testid=user]").last).to_contain_text("Surprise me")
    settled(page)
    expect(page.locator("#at-chat [data-testid=bot]").last).to_contain_text("until you undo it")


def test_the_buttons_of_a_card_mark_it_and_ask_for_more(visit: Visit) -> None:
    page = visit()
    card = page.locator('.at-card[data-item="sf-1"]')
    for act in ("like", "dislike", "save"):
        card.locator(f"[data-act={act}]").click()
        expect(card.locator(f"[data-act={act}]")).to_have_attribute("aria-pressed", "true")
    card.locator("[data-act=more]").click()
    expect(page.locator("#at-chat")).to_contain_text("more: sf-1")
    expect(page.locator(".at-card").first).not_to_have_attribute("data-item", "sf-1")
    page.locator("#at-list [data-act=refresh]").click()


def test_play_opens_only_web_addresses_and_in_a_new_tab(visit: Visit) -> None:
    page = visit()
    link = page.locator('.at-card[data-item="sf-1"] [data-act=play]')
    expect(link).to_have_attribute("href", "https://example.org/left-hand")
    expect(link).to_have_attribute("target", "_blank")
    hostile = page.locator('.at-card[data-item="x-1"] [data-act=play]')
    assert hostile.get_attribute("href") is None
    page.locator('.at-card[data-item="hi-1"] [data-act=play]').click()
    expect(page.locator("#at-notices")).to_contain_text("no link to play")


def test_the_panel_is_edited_by_hand_undone_and_redone(visit: Visit) -> None:
    page = visit()
    say(page, "funny")
    settled(page)
    slider = page.locator('.at-params li[data-key="funny"] input')
    slider.focus()
    slider.press("ArrowRight")
    row = page.locator('.at-params li[data-key="funny"]')
    expect(row).to_contain_text("set by hand")
    expect(row.locator("output")).to_have_text("+0.7")
    expect(row.locator("input")).to_be_focused()
    row.locator("[data-act=remove]").click()
    expect(row).to_have_count(0)
    page.locator("#at-panelbox [data-act=undo]").click()
    expect(page.locator(".at-params li")).to_have_count(0)
    page.locator("#at-panelbox [data-act=redo]").click()
    expect(page.locator(".at-params li")).to_have_count(1)


def test_one_understood_change_is_taken_back_on_its_own(visit: Visit) -> None:
    page = visit()
    say(page, "funny")
    settled(page)
    page.get_by_role("button", name="Undo: More funny").click()
    expect(page.locator(".at-params li")).to_have_count(1)
    expect(page.locator(".at-params li")).to_contain_text("Finished only")


def test_the_panel_stays_closed_where_it_was_closed(visit: Visit) -> None:
    page = visit()
    page.locator("#at-panelbox summary").press("Enter")
    expect(page.locator(".at-panelbody")).to_be_hidden()
    say(page, "funny")
    settled(page)
    expect(page.locator("#at-panelbox .at-count")).to_have_text("2 set")
    expect(page.locator(".at-panelbody")).to_be_hidden()


def test_a_reload_remembers(visit: Visit) -> None:
    page = visit()
    say(page, "remember that I like it funny")
    settled(page)
    page.reload()
    expect(page.locator("#at-chat [data-testid=user]").last).to_contain_text("remember that")
    expect(page.locator(".at-params li")).to_have_count(2)


def test_a_second_browser_sees_nothing_of_the_first(visit: Visit) -> None:
    first, second = visit(), visit()
    say(first, "a secret of the first browser")
    settled(first)
    second.reload()
    expect(second.locator("#at-panelbox")).to_contain_text("Nothing is set yet")
    expect(second.locator("#at-chat")).not_to_contain_text("secret")


def test_stop_ends_a_running_turn(visit: Visit) -> None:
    page = visit()
    say(page, "a slow answer")
    expect(page.locator("#at-chat")).to_contain_text("slowly")
    page.locator("#at-stop").click()
    settled(page)
    expect(page.locator("#at-notices")).to_contain_text("Stopped")
    expect(page.locator("#at-chat")).not_to_contain_text("More funny")
    say(page, "funny after all")
    expect(page.locator("#at-chat")).to_contain_text("More funny")


def test_a_closed_tab_stops_its_turn(visit: Visit, talk: FakeConversation) -> None:
    page = visit()
    say(page, "a slow answer to nobody")
    expect(page.locator("#at-chat")).to_contain_text("slowly")
    page.close()
    other = visit()
    for _ in range(50):
        if "a slow answer to nobody" in talk.left_early:
            break
        other.wait_for_timeout(100)
    assert "a slow answer to nobody" in talk.left_early


def test_a_turn_that_breaks_leaves_a_usable_page(visit: Visit) -> None:
    page = visit()
    say(page, "break it")
    expect(page.locator("#at-notices")).to_contain_text("That did not work")
    settled(page)


def test_empty_words_do_nothing(visit: Visit) -> None:
    page = visit()
    with page.expect_response(re.compile("queue/join")):
        send(page, "   ")
    page.reload()
    page.locator("#at-list .at-card").first.wait_for()
    expect(page.locator("#at-chat [data-testid=user]")).to_have_count(0)


def test_long_words_are_cut_with_a_notice(visit: Visit) -> None:
    page = visit()
    say(page, "funny " * 400)
    expect(page.locator("#at-notices")).to_contain_text("longer than 2000 characters")


def test_catalogue_text_is_shown_as_written_and_never_run(visit: Visit) -> None:
    page = visit()
    title = page.locator('.at-card[data-item="x-1"] h3')
    expect(title).to_have_text("<img src=x onerror=alert(1)> <b>bold</b> ${window.hacked=1} {{value}}")
    say(page, "funny")
    settled(page)
    expect(page.locator("#at-chat [data-testid=bot]").last).to_contain_text("<img src=x onerror=alert(1)> <b>bold</b>")
    assert page.locator("img[src=x], .at-card b, .at-card i, #at-chat b").count() == 0
    assert page.evaluate("window.hacked") is None
    assert page.faults == []


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_has_one_column_and_no_horizontal_scrolling(visit: Visit, locale: str) -> None:
    page = visit(width=390, height=844, locale=locale)
    assert overflow(page) <= 0
    skip_onboarding(page)
    say(page, "睡前治愈" if locale == "zh-CN" else "funny")
    settled(page)
    assert overflow(page) <= 0
    wide = page.evaluate(
        """[...document.querySelectorAll('main *')].filter(e => e.checkVisibility()
             && !e.closest('.sr-only, svg') && !e.classList.contains('sr-only')
             && (e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1))
           .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    boxes = [page.locator(part).bounding_box() for part in ("#at-talk", "#at-side", "#at-knobs")]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]


def test_language_theme_and_simulated_listener_are_switched_in_the_header(visit: Visit) -> None:
    page = visit()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#at-send")).to_have_text("发送")
    expect(page.locator("#at-box textarea")).to_have_attribute("placeholder", re.compile("想听"))
    page.get_by_role("button", name="EN", exact=True).click()
    expect(page.locator("#at-send")).to_have_text("Send")
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    page.reload()
    page.locator(".at-card").first.wait_for()
    page.wait_for_function("document.body.classList.contains('dark')")
    page.get_by_label("Who is listening").select_option("p-tom")
    expect(page.locator(".at-banner")).to_contain_text("Tom, a simulated listener")
    expect(page.get_by_role("button", name="Forget me")).to_have_count(0)
    page.get_by_role("button", name="Back to you").click()
    expect(page.locator(".at-banner")).to_have_count(0)


def test_forget_me_asks_first_and_then_deletes_everything(visit: Visit) -> None:
    page = visit()
    say(page, "funny")
    settled(page)
    page.get_by_role("button", name="Forget me").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".at-params li")).to_have_count(2)
    page.get_by_role("button", name="Forget me").click()
    page.get_by_role("button", name="Forget everything").click()
    expect(page.locator("#at-panelbox")).to_contain_text("Nothing is set yet")
    expect(page.locator("#at-chat [data-testid=user]")).to_have_count(0)


def test_every_control_has_a_name_and_the_keyboard_reaches_the_chips(visit: Visit) -> None:
    page = visit()
    nameless = page.evaluate(
        """[...document.querySelectorAll(`#at-header button, #at-list :is(button, a), #at-panelbox :is(button, input),
             #at-chips button, #at-send, select`)]
           .filter(e => e.checkVisibility() && !(e.getAttribute('aria-label') || e.innerText.trim()))
           .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    chip = page.locator("#at-chips .at-chip").first
    chip.focus()
    chip.press("Enter")
    expect(page.locator("#at-chat [data-testid=user]").last).to_contain_text("Shorter")


def test_taps_that_come_while_one_is_being_answered_all_count(
    visit: Visit, talk: FakeConversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "act_s", 0.3)
    page = visit()
    buttons = page.locator("#at-list .at-card [data-act=like]")
    for button in buttons.all():
        button.click()
        page.wait_for_timeout(50)
    for button in buttons.all():
        expect(button).to_have_attribute("aria-pressed", "true")
