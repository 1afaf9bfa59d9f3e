"""Colours, type and the page-wide script. No font or script is fetched from elsewhere."""

from __future__ import annotations

from pathlib import Path

from gradio.themes import Base
from gradio.themes.utils import colors, sizes

FONTS = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")

SCRIPT = """
window.attune = {
  signed: value => (Number(value) > 0 ? '+' : '') + Number(value).toFixed(1).replace('-', '\\u2212'),
  dark: () => document.body.classList.contains('dark'),
  apply: () => {
    const chosen = localStorage.getItem('attune-theme');
    if (chosen) document.body.classList.toggle('dark', chosen === 'dark');
  },
};
document.addEventListener('click', event => {
  if (event.target.closest('[data-theme-switch]')) {
    localStorage.setItem('attune-theme', attune.dark() ? 'light' : 'dark');
    attune.apply();
  }
  const opener = event.target.closest('[data-opens]');
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const closer = event.target.closest('[data-closes]');
  if (closer) closer.closest('dialog').close();
});
"""
ON_OPEN = "() => { window.attune.apply(); }"


def theme() -> Base:
    """A quiet Gradio theme; what it cannot say is in page.css."""
    return Base(
        primary_hue=colors.teal,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_lg,
        font=FONTS,
        font_mono=("ui-monospace", "monospace"),
    )


def stylesheet() -> str:
    """The page's own CSS."""
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def head() -> str:
    """What goes into the document's head: the viewport, and the script behind dark mode and dialogs."""
    return (
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<script>{SCRIPT}</script>"
    )
