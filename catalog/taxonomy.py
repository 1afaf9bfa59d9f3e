"""The category tree: up to three levels, named in two languages, read from an indented text file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel

from catalog.items import under
from catalog.resolve_words import variants
from catalog.spelling import contains, form, is_chinese

_INDENT = 2
_DEEPEST = 2


LESS = " -"
"""Stands in a path before each part that is taken out of it: "fiction -mystery"."""


def parted(path: str) -> tuple[str, tuple[str, ...]]:
    """A path and the parts that are taken out of it."""
    base, *less = path.split(LESS)
    return base, tuple(less)


class Category(BaseModel, frozen=True, extra="forbid"):
    """One node of the tree."""

    path: str
    """One to three slugs joined by "/"."""
    en: str
    zh: str
    aliases: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    """Those aliases that stand for all of it: love is all of Romance, but golf is not all of Sport."""

    @property
    def level(self) -> int:
        """1 for a root, 3 for a leaf."""
        return self.path.count("/") + 1


class Group(Category, frozen=True, extra="forbid"):
    """Categories of several branches under one name: fiction. It is wished for and blocked; no item is filed in it."""

    members: tuple[str, ...]
    """Paths, one or more."""


class Taxonomy(BaseModel, frozen=True, extra="forbid"):
    """All categories, in the order of the file: a parent stands before its children."""

    categories: tuple[Category, ...] = ()
    groups: tuple[Group, ...] = ()

    @cached_property
    def _by_path(self) -> dict[str, Category]:
        return {category.path: category for category in (*self.categories, *self.groups)}

    def members(self, path: str) -> tuple[str, ...]:
        """The paths that a path stands for: those of a group, else itself."""
        category = self._by_path.get(path)
        return category.members if isinstance(category, Group) else (path,)

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def get(self, path: str) -> Category:
        """The category at `path`. KeyError names the path when there is none."""
        try:
            return self._by_path[path]
        except KeyError:
            raise KeyError(f"no category {path!r}; the roots are {[c.path for c in self.children(None)]}") from None

    def children(self, path: str | None) -> tuple[Category, ...]:
        """The categories right below `path`; the roots for None."""
        depth = 1 if path is None else path.count("/") + 2
        start = "" if path is None else path + "/"
        return tuple(c for c in self.categories if c.level == depth and c.path.startswith(start))

    def leaves(self) -> tuple[Category, ...]:
        """The categories with nothing below them."""
        parents = {c.path.rpartition("/")[0] for c in self.categories}
        return tuple(c for c in self.categories if c.path not in parents)

    def without(self, path: str, part: str) -> str | None:
        """A path less a part of it: "fiction -mystery" of "fiction"; None where `part` is no part of what it holds."""
        base, less = parted(path)
        inside = any(part != base and under(part, member) for member in self.members(base))
        if not inside or any(under(part, gone) for gone in less):
            return None
        return LESS.join([base, *(gone for gone in less if not under(gone, part)), part])

    def label(self, path: str, lang: str) -> str:
        """The category's name in "en" or "zh", with what is taken out of it; an unknown path is its own label."""
        base, less = parted(path)
        category = self._by_path.get(base)
        if category is None:
            return path
        name = category.zh if lang == "zh" else category.en
        gone = [self.label(part, lang) for part in less]
        if not gone:
            return name
        return f"{name}（{'、'.join(gone)}除外）" if lang == "zh" else f"{name} except {', '.join(gone)}"

    def says(self, path: str, word: str) -> bool:
        """Whether the label of a category, or of one above it, says a word, whatever is put around it: "horror novels".

        An alias that no label says may be no more than a part of the category: golf is in Sport, and is not all of it.
        """
        slugs = path.split("/")
        above = ["/".join(slugs[:depth]) for depth in range(1, len(slugs) + 1)]
        labels = [form(self.label(one, lang)) for one in above for lang in ("en", "zh")]
        spoken = variants(word)
        whole = self._by_path[path].whole if path in self._by_path else ()
        names = (form(path), *labels, *map(form, whole))
        return any(text in names or any(contains(label, text) for label in labels) for text in spoken)

    def headed(self, word: str) -> tuple[str, ...]:
        """The highest categories of which a word is the head: True Crime of "crime", no Science Fiction of "science".

        A double label says two things, and the word only one of them.
        """
        found: list[str] = []
        for category in self.categories:
            labels = [] if "&" in category.en else [form(category.en), form(category.zh)]
            below = any(category.path.startswith(f"{path}/") for path in found)
            # Only the words as they are: "science fiction" without its fiction is another thing.
            if not below and any(_ends(label, form(word)) for label in labels):
                found.append(category.path)
        return tuple(found)


def _ends(label: str, word: str) -> bool:
    return label.endswith(f" {word}") or (is_chinese(word) and len(word) > 1 and label.endswith(word))


def load_taxonomy(path: Path) -> Taxonomy:
    """Read a tree file: `slug | English | 中文 | alias, alias`, two spaces of indent a level, # for comments.

    An alias that stands for all of its category ends in "=". A group is `= slug | English | 中文 | aliases | paths`.
    ValueError names the file, the line and what is wrong with it.
    """
    categories: list[Category] = []
    groups: list[Group] = []
    stack: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.startswith("="):
            groups.append(_group(line, f"{path.name}:{number}"))
            continue
        depth, odd = divmod(len(line) - len(line.lstrip(" ")), _INDENT)
        if odd or depth > min(len(stack), _DEEPEST):
            raise ValueError(f"{path.name}:{number}: indent {line!r} by two spaces a level, at most three levels")
        category = _category(line, stack[:depth], f"{path.name}:{number}")
        stack = category.path.split("/")
        categories.append(category)
    _refuse_repeats([*categories, *groups], path.name)
    _refuse_strangers(groups, {category.path for category in categories}, path.name)
    return Taxonomy(categories=tuple(categories), groups=tuple(groups))


def _group(line: str, place: str) -> Group:
    fields = [field.strip() for field in line.removeprefix("=").split("|")]
    if len(fields) != 5 or not all(fields[:3]) or not fields[4]:
        raise ValueError(f"{place}: {line.strip()!r} must read: = slug | English | 中文 | aliases | paths")
    return Group(path=fields[0], en=fields[1], zh=fields[2], aliases=_list(fields[3]), members=_list(fields[4]))


def _category(line: str, parents: list[str], place: str) -> Category:
    fields = [field.strip() for field in line.split("|")]
    if len(fields) not in (3, 4) or not all(fields[:3]):
        raise ValueError(f"{place}: {line.strip()!r} must read: slug | English | 中文 | aliases")
    words = _list(fields[3]) if len(fields) == 4 else ()
    return Category(
        path="/".join([*parents, fields[0]]),
        en=fields[1],
        zh=fields[2],
        aliases=tuple(word.removesuffix("=") for word in words),
        whole=tuple(word.removesuffix("=") for word in words if word.endswith("=")),
    )


def _list(field: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in field.split(",") if word.strip())


def _refuse_strangers(groups: list[Group], paths: set[str], name: str) -> None:
    for group in groups:
        if strange := sorted(set(group.members) - paths):
            raise ValueError(f"{name}: the group {group.path!r} names {strange}, which are no categories of the tree")


def _refuse_repeats(categories: Sequence[Category], name: str) -> None:
    seen: set[str] = set()
    for category in categories:
        if category.path in seen:
            raise ValueError(f"{name}: the path {category.path!r} stands there twice; give one of them another slug")
        seen.add(category.path)
