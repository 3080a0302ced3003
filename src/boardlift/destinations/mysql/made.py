"""What boardlift made of a table: its columns as they were when it was sealed, so that people's changes are told apart.

It lies in the notes, by the table's hidden name, which no other stored table has.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from boardlift.destinations.mysql import inspect
from boardlift.destinations.mysql.catalogue import NOTES, note_statement
from boardlift.destinations.mysql.inspect import Relation
from boardlift.destinations.mysql.session import Session
from boardlift.shape.sql import COMMA, SQL, Identifier, Literal

_MADE = "made "


@dataclass(frozen=True)
class Made:
    """Columns by name: the type, comparable between versions, and whether it is NOT NULL."""

    hidden: str
    columns: dict[str, tuple[str, bool]]

    @classmethod
    def of_relation(cls, table: Relation) -> Made:
        """A sealed table as it is. Columns that a person had generated are not boardlift's."""
        mine = {column.name: (column.type, column.required) for column in table.columns if not column.generated}
        return cls(table.namespace, mine)


def remember(session: Session, table: Relation) -> None:
    """Write down what a sealed table looks like, before people can reach it. Raises the driver's errors."""
    text = json.dumps(Made.of_relation(table).columns, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode())).decode()  # a thousand columns fit in the note
    session.run(note_statement(table.namespace, _MADE + table.name, packed))


def recall(session: Session, hidden: str, name: str) -> Made | None:
    """What was sealed under this hidden name; None when that was before such notes and no sealed copy is there."""
    rows = session.ask(
        SQL("SELECT said FROM {} WHERE subject = {}").format(Identifier(hidden, NOTES), Literal(_MADE + name))
    )
    if rows:
        found = json.loads(zlib.decompress(base64.b64decode(str(rows[0][0]))))
        return Made(hidden, {str(column): (str(type_), bool(required)) for column, (type_, required) in found.items()})
    sealed = inspect.read(session, hidden, name)
    return Made.of_relation(sealed) if sealed else None


def forget(session: Session, hidden: str, names: Iterable[str]) -> None:
    """The tables of these hidden names are gone. Raises the driver's errors."""
    subjects = [Literal(_MADE + name) for name in names]
    if subjects:
        session.run(SQL("DELETE FROM {} WHERE subject IN ({})").format(Identifier(hidden, NOTES), COMMA.join(subjects)))
