"""Lengths and large numbers in words, as cards and reasons show them."""

from __future__ import annotations

from recommend.request import UiLanguage


def duration(minutes: float, lang: UiLanguage) -> str:
    """Minutes in words: "45 min", "12 h 15 min", "45分钟", "12小时15分钟"."""
    hours, rest = divmod(max(1, round(minutes)), 60)
    units = ("{} h", "{} min") if lang == "en" else ("{}小时", "{}分钟")
    parts = [unit.format(amount) for unit, amount in zip(units, (hours, rest), strict=True) if amount]
    return (" " if lang == "en" else "").join(parts)


def count(number: int, lang: UiLanguage) -> str:
    """A large number in words, rounded down: "1.2M", "12K", "950", "108.9万"."""
    steps = ((1_000_000, "M"), (1000, "K")) if lang == "en" else ((100_000_000, "亿"), (10_000, "万"))
    for size, unit in steps:
        if number >= size:
            tenths = number * 10 // size
            return f"{tenths / 10:.1f}".removesuffix(".0") + unit if tenths < 1000 else f"{tenths // 10}{unit}"
    return str(number)
