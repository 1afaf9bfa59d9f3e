"""How long something is said to last: "an hour and a half", "1h30", "两个半小时", "一刻钟".

A small model copies a word rightly and misreads a number that is said in several. Numbers have a grammar of their own,
which is spelled out here. What has no single number ("a couple of hours", "十几分钟", "20 to 30 minutes") is found all
the same, and not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from catalog.spelling import ONES, TENS
from chat.llm.dsl import MAX_MINUTES

_ONES, _TEENS = ONES[1:10], ONES[10:]
_WORTH = {
    **{word: Fraction(n) for n, word in enumerate(_ONES + _TEENS, start=1)},
    **{word: Fraction(10 * n) for n, word in enumerate(TENS, start=2)},
    **dict.fromkeys(("half", "½"), Fraction(1, 2)),
    **dict.fromkeys(("quarter", "quarters", "¼"), Fraction(1, 4)),
    **dict.fromkeys(("threequarters", "¾"), Fraction(3, 4)),
}
_SMALL = rf"(?:(?:{'|'.join(TENS)})(?:[\s-]?(?:{'|'.join(_ONES)})(?![a-z]))?|{'|'.join(_TEENS + _ONES)})(?![a-z])"
_HUNDREDS = rf"(?:(?:a|{'|'.join(_ONES)})[\s-])?hundred(?:[\s-](?:and[\s-])?{_SMALL})?(?![a-z])"
_DIGITS = (
    r"(?<!\d)(?<!\d\.)(?:(?:\d{1,3}\s)?[13]/[24]|\d{1,3},\d{3}|\d{1,6}(?:\.\d{1,4})?|\.\d{1,4})(?!\d)"
    r"(?:\s?[½¼¾])?|[½¼¾]"
)
_NUMBER = rf"(?<![a-z])(?:{_DIGITS}|{_HUNDREDS}|{_SMALL})"
_PART = r"(?<![a-z])(?:(?:an?|one|three)[\s-]+)?(?:half|quarters?)(?![a-z])"
_SOME = r"(?<![a-z])(?:an?\s+)?(?:couple|few|several|dozen|handful)\s+(?:of\s+|more\s+)?"
_AMOUNT = (
    rf"(?:{_NUMBER}(?:\s+and\s+{_PART}|\s+of\s+an(?![a-z]))?"
    rf"|{_PART}(?:[\s-]+(?:of[\s-]+)?an?(?![a-z]))?|(?<![a-z])an?(?=[\s-])|{_SOME})"
)
_UNIT = (
    r"(?<![a-z])(?:hours?|hrs?|minutes?|mins|seconds|secs)(?![a-z])"
    r"|(?<=[\d\s-])(?:h|min)(?![a-z])|(?<=\d)hr?(?=\d\d)"
)
_ENDS = r"\s*(?:$|[.,;:!?)，。！？]|(?:max|tops|or (?:less|so|under|more)|at (?:most|least|the)|long)(?![a-z]))"

_HAN = {han: n for n, hans in enumerate(("零〇", "一", "二两兩俩", "三仨", *"四五六七八九")) for han in hans}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_ZH_NUMBER = r"(?:(?<![\d.])\d{1,6}(?:\.\d{1,4})?(?!\d)|[零〇一二两兩俩三仨四五六七八九十百千半几幾数數]{1,12})"
_ABOUT = "多来來余餘把"
_ZH_AMOUNT = rf"{_ZH_NUMBER}\s{{0,2}}[{_ABOUT}]?[个個]?[{_ABOUT}]?半?"
_ZH_ENDS = r"\s*(?:$|[，。！？,.!?]|[以之]?[内內]|左右|的)"
_ZH_HOUR = r"小[时時](?!候)|[钟鐘][头頭]|(?<=[个個半])[钟鐘]"

_QUANTITY = re.compile(
    rf"(?:(?P<amount>{_AMOUNT})(?:\s?\+|[\s-]?ish)?[\s-]*)?(?P<unit>{_UNIT})"
    rf"(?:\s+(?:and|&)\s+(?P<part>{_PART})|(?<=[hr])(?P<joined>\s?[0-5]\d(?:m(?:in)?(?![a-z])|(?<=[hr]\d\d)(?!\d)))"
    rf"|\s+(?:(?:and|&)\s+)?(?P<bare>{_NUMBER})(?={_ENDS}))?"
    rf"|(?:(?P<zh_amount>{_ZH_AMOUNT})\s{{0,2}})?(?P<zh_unit>{_ZH_HOUR}|分[钟鐘]?|(?<=[一二两兩三])刻[钟鐘]?|(?<=[\d一-鿿])秒)"
    rf"(?:(?P<zh_part>半)|(?<=[时時头頭钟鐘])(?P<zh_bare>[二三四五]?十五?)(?={_ZH_ENDS}))?",
    re.IGNORECASE,
)
_AND = re.compile(r"\s*(?:and\s+|&\s*|[零又加])?", re.IGNORECASE)
"""What may stand between the hours and the minutes of one duration."""
_TO = r"\s*(?:[-–—~～/、到至或]|(?:to|or|and)(?![a-z]))\s*"
_FROM = re.compile(rf"(?:{_AMOUNT}|{_ZH_AMOUNT}){_TO}$", re.IGNORECASE)
_BESIDE = re.compile(rf"{_NUMBER}[\s,]+$|[第大小]$", re.IGNORECASE)
_UNTIL = re.compile(
    rf"{_TO}{_NUMBER}|\s*[-~～到至或]\s*{_ZH_NUMBER}"
    rf"|\s+(?:(?:and|&)\s+)?{_NUMBER}|\s+and\s+a\s+bit|[{_ABOUT}]",
    re.IGNORECASE,
)
_FAR = 24
"""Characters before a duration in which a range may begin."""


class Duration(NamedTuple):
    """A duration said at `start` … `end`; `minutes` is None where no single number is said."""

    start: int
    end: int
    minutes: int | None

    @property
    def parts(self) -> tuple[int, int]:
        """The minutes of its whole hours and the rest: what a reader may take for two durations."""
        return (0, 0) if self.minutes is None else (self.minutes // 60 * 60, self.minutes % 60)


class _Quantity(NamedTuple):
    """A number and what it counts, in the text: `worth` is one unit in minutes, `number` None where none is said."""

    start: int
    end: int
    number: Fraction | None
    worth: int
    complete: bool
    """Whether it is a duration by itself: "二十分" is one after hours only."""


def durations(said: str) -> list[Duration]:
    """The durations said, in order."""
    found: list[Duration] = []
    waiting: _Quantity | None = None
    for quantity in _quantities(said):
        if waiting and _is_rest(waiting, quantity, said):
            minutes = (_minutes(waiting) or 0) + (_minutes(quantity) or 0)
            found[-1] = _placed(waiting.start, quantity.end, minutes, said)
            waiting = None
        elif quantity.complete:
            found.append(_placed(quantity.start, quantity.end, _minutes(quantity), said))
            waiting = quantity if quantity.worth == 60 else None
    return found


def numbers(said: str) -> set[Fraction]:
    """All single numbers said, of whatever."""
    english = (_english(match[0]) for match in re.finditer(_NUMBER, said, re.IGNORECASE))
    chinese = (_chinese(match[0]) for match in re.finditer(_ZH_AMOUNT, said))
    return {number for number in (*english, *chinese) if number is not None}


def _quantities(said: str) -> Iterator[_Quantity]:
    """All numbers of hours, minutes or seconds said, and units without a number."""
    for match in _QUANTITY.finditer(said):
        unit = match["unit"] or match["zh_unit"]
        number = _number(match)
        if number is None and len(unit) < 2 or unit == "min" and not match["amount"]:
            continue
        worth = _worth(unit)
        if rest := match["joined"] or match["bare"] or match["zh_bare"]:
            number = _with_rest(number, worth, rest)
        yield _Quantity(match.start(), match.end(), number if worth else None, worth, unit != "分")


def _number(match: re.Match[str]) -> Fraction | None:
    """How many units are said; "a minute" is no number of minutes, and "hour and a half" one hour and a half."""
    if match["zh_unit"]:
        amount = _chinese(match["zh_amount"] or "")
        return amount if amount is None or not match["zh_part"] else amount + Fraction(1, 2)
    amount = _english(match["amount"] or ("a" if match["part"] else ""))
    if (match["amount"] or "").lower() in ("a", "an") and not match["unit"].lower().startswith("h"):
        return None
    return amount if amount is None or not match["part"] else amount + (_english(match["part"]) or 0)


def _worth(unit: str) -> int:
    """Minutes of one unit; 0 for seconds, which are not counted."""
    first = unit[0].lower()
    return {"h": 60, "小": 60, "钟": 60, "鐘": 60, "刻": 15, "m": 1, "分": 1}.get(first, 0)


def _with_rest(number: Fraction | None, worth: int, rest: str) -> Fraction | None:
    """ "An hour twenty" in hours; None where the second number may count something else ("a three hour one")."""
    minutes = _english(rest) or _chinese(rest)
    if number is None or worth != 60 or minutes is None or minutes % 5 or not 5 <= minutes < 60:
        return None
    return number + minutes / 60


def _is_rest(hours: _Quantity, quantity: _Quantity, said: str) -> bool:
    """Whether these are the minutes that belong to the hours before: "1 hour and 20 minutes"."""
    if hours.number is None or quantity.number is None or quantity.worth not in (1, 15):
        return False
    return quantity.number * quantity.worth < 60 and bool(_AND.fullmatch(said, hours.end, quantity.start))


def _minutes(quantity: _Quantity) -> int | None:
    """In minutes; None where there is no number."""
    return None if quantity.number is None else round(quantity.number * quantity.worth)


def _placed(start: int, end: int, minutes: int | None, said: str) -> Duration:
    """A duration, not counted where it is an end of a range or has a number beside it that may belong to it."""
    low = _FROM.search(said, max(0, start - _FAR), start)
    unclear = low or _BESIDE.search(said, max(0, start - _FAR), start) or _UNTIL.match(said, end)
    counted = None if unclear or not minutes else min(minutes, MAX_MINUTES)
    return Duration(low.start() if low else start, end, counted)


def _english(text: str) -> Fraction | None:
    """The number that `text` says: "two and a half", "1½", "three quarters of an", "a hundred and twenty"."""
    text = re.sub(r"three[\s-]+quarters?", "threequarters", text.lower())
    text = re.sub(r"(?:one|an?)[\s-]+(?=half|quarter)", "", text)
    total = Fraction(0)
    for token in re.findall(r"\d+/\d+|[\d.,]*\d|[½¼¾]|[a-z]+", text):
        if token == "hundred":
            total = max(total, Fraction(1)) * 100
        elif token in _WORTH:
            total += _WORTH[token]
        elif token[-1].isdecimal():
            total += Fraction(token.replace(",", ""))
        elif token in ("couple", "few", "several", "dozen", "handful"):
            return None
    if total:
        return total
    return Fraction(1) if re.match(r"an?\b", text) else None


def _chinese(text: str) -> Fraction | None:
    """The number that `text` says: "两个半", "一百二", "1.5"; None for "十几", "二三十", "四十来"."""
    halves = Fraction(text.count("半"), 2)
    digits = re.sub(r"[半个個\s]", "", text)
    if re.fullmatch(r"\d+(?:\.\d+)?", digits):
        return Fraction(digits) + halves
    if not digits:
        return halves or None
    whole = _counted(digits)
    return None if whole is None else whole + halves


def _counted(digits: str) -> int | None:
    """The number of Chinese numerals; None where two stand side by side ("二三十") or something else does."""
    if not all(han in _HAN or han in _HAN_UNITS for han in digits):
        return None
    total, digit, unit = 0, None, 1
    for han in digits:
        if han in _HAN_UNITS:
            if digit is None and total == 0 and han != "十":
                return None
            total, digit, unit = total + (1 if digit is None else digit) * _HAN_UNITS[han], None, _HAN_UNITS[han]
        elif digit:
            return None
        else:
            digit, unit = _HAN[han], 1 if digit == 0 or not _HAN[han] else unit
    # "一百二" is 120, "一百零二" is 102.
    return total + (digit or 0) * max(1, unit // 10)
