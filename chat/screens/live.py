"""HTML that can be tapped: one small component for every part of the page that Gradio has no widget for.

The markup is written here on the server, with `html.escape` on every value, and shown by the template `${value}` alone.
Never put catalogue text into a Handlebars template of `gr.HTML`: Gradio evaluates the *filled* template once more as a
JavaScript template string, so that a title holding `${...}` would run as code.

A tap on an element with `data-act` becomes the event "act" with all its data attributes; so does a change of an input
with `data-change`. Enter in a text box taps the button of its form that has `data-submits`. All of it reaches the
server as untrusted text and is validated there.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

ON_LOAD = """
const send = (source, act, extra) => trigger('act', {...source.dataset, ...extra, act});
element.addEventListener('click', event => {
  const source = event.target.closest('[data-act]');
  if (!source || source.disabled) return;
  const form = source.closest('[data-form]');
  const fields = {};
  if (form) form.querySelectorAll('input:checked, input[type=text]').forEach(i => {
    (fields[i.dataset.field] ||= []).push(i.value);
  });
  const dialog = source.closest('dialog');
  if (dialog) dialog.close();
  send(source, source.dataset.act, form ? {fields} : {});
});
element.addEventListener('change', event => {
  const source = event.target.closest('[data-change]');
  if (source) send(source, source.dataset.change, {value: source.value});
});
element.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.isComposing || event.target.type !== 'text') return;
  const button = event.target.closest('[data-form]')?.querySelector('[data-submits]');
  if (button) button.click();
});
element.addEventListener('input', event => {
  const output = event.target.parentElement.querySelector('output');
  if (output && event.target.type === 'range') output.textContent = window.attune.signed(event.target.value);
});
let focused = null;
element.addEventListener('focusin', event => { focused = event.target.dataset.focus || null; });
element.addEventListener('toggle', event => {
  if (event.target.id) localStorage.setItem('attune-open-' + event.target.id, event.target.open);
}, true);
const settle = () => {
  element.querySelectorAll('details[id]').forEach(d => {
    const open = localStorage.getItem('attune-open-' + d.id);
    if (open !== null) d.open = open === 'true';
  });
  element.querySelectorAll('input[type=text]').forEach(i => { i.value = i.defaultValue; });
  const page = element.querySelector('[data-page-lang]');
  if (page) document.documentElement.lang = page.dataset.pageLang;
  const taker = element.querySelector('[data-takes-focus]');
  if (taker) taker.focus();
  const lost = !document.activeElement || document.activeElement === document.body;
  if (focused && lost) {
    const again = [...element.querySelectorAll('[data-focus]')].find(e => e.dataset.focus === focused);
    if (again) again.focus({preventScroll: true});
  }
};
watch('value', settle);
settle();
"""


def live(elem_id: str) -> gr.HTML:
    """Server-written HTML whose taps arrive as its event `act`."""
    return gr.HTML(value="", elem_id=elem_id, js_on_load=ON_LOAD, apply_default_css=False)


def attrs(**values: str | bool | None) -> str:
    """HTML attributes, escaped: `data_act="like"` becomes ` data-act="like"`.

    True gives the bare name; None and False give nothing.
    """
    parts = []
    for name, value in values.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f" {name}")
        elif isinstance(value, str):
            parts.append(f' {name}="{escape(value, quote=True)}"')
    return "".join(parts)


def tag(name: str, inner: str, /, **values: str | bool | None) -> str:
    """An element around `inner`, which must be HTML already (use `text` for words)."""
    return f"<{name}{attrs(**values)}>{inner}</{name}>"


def text(value: str) -> str:
    """Words as HTML."""
    return escape(value, quote=True)


def payload(event: gr.EventData) -> Mapping[str, Any]:
    """What the browser sent with an "act", never trusted: a plain mapping, empty when it is none."""
    sent: object = getattr(event, "_data", None)
    return sent if isinstance(sent, Mapping) else {}
