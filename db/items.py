"""The names behind the item ids of events and lists, so that they can be read after an item has left the catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import insert, select, update

from catalog.items import Item
from db.engine import Database
from db.tables import ItemRow


class ItemStore:
    """Ids and titles of every item that was ever in the catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sync(self, items: Sequence[Item]) -> int:
        """Bring new and changed items in; how many those were. Items that are gone keep their row."""
        rows = {item.id: {"id": item.id, "title": item.title, "hash": item_hash(item)} for item in items}
        with self._database.write() as session:
            known = {item_id: digest for item_id, digest in session.execute(select(ItemRow.id, ItemRow.hash))}
            new = [row for item_id, row in rows.items() if item_id not in known]
            changed = [row for item_id, row in rows.items() if known.get(item_id, row["hash"]) != row["hash"]]
            if new:
                session.execute(insert(ItemRow), new)
            if changed:
                session.execute(update(ItemRow), changed)
        return len(new) + len(changed)

    def title(self, item_id: str) -> str | None:
        """The last known title, or None for an id that never was in the catalogue."""
        with self._database.read() as session:
            return session.scalar(select(ItemRow.title).where(ItemRow.id == item_id))


def item_hash(item: Item) -> str:
    """A digest that changes when any field of the item changes."""
    return hashlib.sha256(item.model_dump_json().encode()).hexdigest()
