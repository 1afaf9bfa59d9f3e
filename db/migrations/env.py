"""Run by Alembic inside the transaction that `db.engine.migrate` opened.

A new script, drafted from what `db.tables` says more than the scripts do so far:
python -c 'from db.engine import *; draft_migration(open_database("sqlite:///var/draft.db"), "what changes")'
"""

from typing import Any, Literal

from alembic import context

from db.tables import Base, Moment


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Scripts must not depend on today's `db.tables`: our own type is written as what it is made of."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Moment) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render_item,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
