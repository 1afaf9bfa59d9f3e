"""The panel: every parameter that is set, in plain words, to move, remove, undo and redo by hand."""

from __future__ import annotations

from chat.screens.icons import icon
from chat.screens.live import tag, text
from chat.screens.words import Say
from chat.view import Param, Screen


def panel_html(screen: Screen, say: Say) -> str:
    """The collapsible panel."""
    count = tag("span", text(say("panel_count", count=len(screen.panel))), class_="at-count") if screen.panel else ""
    summary = tag("summary", tag("h2", text(say("panel"))) + count + icon("chevron"), data_focus="panel")
    rows = "".join(param_html(param, say) for param in screen.panel)
    body = tag("ul", rows, class_="at-params") if rows else tag("p", text(say("panel_empty")), class_="at-empty")
    steps = _step("undo", screen.can_undo, say) + _step("redo", screen.can_redo, say)
    inner = summary + tag("div", tag("div", steps, class_="at-steps") + body, class_="at-panelbody")
    return tag("details", inner, class_="at-panel", id="at-panel", open=True)


def param_html(param: Param, say: Say) -> str:
    """One parameter: words, slider where it can be moved, where it came from, how long it lasts."""
    remove = tag(
        "button", icon("remove"), type="button", class_="at-round at-small", data_act="remove",
        data_factor=param.factor, data_key=param.key, data_focus=f"remove {param.factor} {param.key}",
        title=say("remove", what=param.label),
        aria_label=say("remove", what=param.label),
    )  # fmt: skip
    line = tag("div", tag("span", text(param.label), class_="at-plabel") + remove, class_="at-pline")
    slider = _slider(param, say) if param.kind == "slider" else ""
    source = " · ".join(part for part in (param.origin, param.expiry) if part)
    return tag(
        "li", line + slider + tag("p", text(source), class_="at-origin"), data_factor=param.factor, data_key=param.key
    )


def signed(value: float) -> str:
    """ "+0.6", "0.0", "−0.4": the same form as the page's script writes while a slider moves."""
    return f"{'+' if value > 0 else ''}{value:.1f}".replace("-", "\u2212")


def _slider(param: Param, say: Say) -> str:
    bar = tag(
        "input", "", type="range", min=f"{param.low:g}", max=f"{param.high:g}", step="0.1", value=f"{param.value:g}",
        data_change="set", data_factor=param.factor, data_key=param.key, data_focus=f"set {param.factor} {param.key}",
        aria_label=say("strength", what=param.label),
    ).removesuffix("</input>")  # fmt: skip
    return tag("div", bar + tag("output", text(signed(param.value))), class_="at-slider")


def _step(act: str, possible: bool, say: Say) -> str:
    return tag(
        "button", icon(act) + tag("span", text(say(act))), type="button", class_="at-ghost", data_act=act,
        data_focus=act, disabled=not possible,
    )  # fmt: skip
