"""A stored table into a staged one, but for the rows that are left behind."""

from __future__ import annotations

from collections.abc import Collection

from boardlift.destinations.mysql.session import Session
from boardlift.shape.sql import COMMA, SQL, Identifier, Literal
from boardlift.shape.table import Table

_WITHOUT = "without"
_AT_ONCE = 10_000


def copied(
    session: Session, hidden: str, target: Identifier, source: Identifier, table: Table, without: Collection[int]
) -> int:
    """Fill `target` from `source`, both with the columns of `table`; the rows. Raises the driver's errors.

    The ids in `without` lie in a table of the hidden database meanwhile: a temporary one takes a right of its own.
    """
    names = COMMA.join(Identifier(column.name) for column in table.columns)
    statement = SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS s").format(target, names, names, source)
    if not without:
        return session.run(statement)
    waiting = Identifier(hidden, _WITHOUT)
    session.run(SQL("DROP TABLE IF EXISTS {}").format(waiting))
    session.run(SQL("CREATE TABLE {} (item_id BIGINT PRIMARY KEY)").format(waiting))
    try:
        ids = sorted(set(without))
        for start in range(0, len(ids), _AT_ONCE):
            rows = COMMA.join(SQL("({})").format(Literal(each)) for each in ids[start : start + _AT_ONCE])
            session.run(SQL("INSERT INTO {} VALUES {}").format(waiting, rows))
        return session.run(
            statement + SQL(" WHERE NOT EXISTS (SELECT 1 FROM {} AS w WHERE w.item_id = s.item_id)").format(waiting)
        )
    finally:
        session.run(SQL("DROP TABLE IF EXISTS {}").format(waiting))
