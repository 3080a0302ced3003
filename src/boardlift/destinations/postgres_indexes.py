"""Indexes that people made on a live table are made on its successor too, and keep their names.

They are built on the staged table before any lock. In the swap the outgoing index takes a name of its generation, which
frees the familiar one for its successor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psycopg

from boardlift.destinations.catalogue import Slot
from boardlift.destinations.postgres_inspect import Index, Relation
from boardlift.shape.sql import SQL, Composable, Identifier


@dataclass(frozen=True)
class Handover:
    """In the swap, the index `name` of a live table becomes `retired`, and `successor` becomes `name`."""

    name: str
    retired: str
    successor: str


def build(
    before: Relation, staged: Relation, slots: tuple[Slot, Slot], hidden: str, run: Callable[[Composable], object]
) -> list[Handover]:
    """Make the indexes of `before` on `staged` where it has none like them. `slots` are the outgoing and the incoming.

    An index on a column that the staged table has not is left out. Raises psycopg.Error.
    """
    outgoing, incoming = slots
    spare = list(staged.indexes)
    handovers = []
    for index in before.indexes:
        twin = next((one for one in spare if (one.unique, one.definition) == (index.unique, index.definition)), None)
        if twin is not None:
            spare.remove(twin)
            successor = twin.name
        else:
            successor = _generation_name(index.name, incoming.hidden_name)
            try:
                run(_create(index, successor, Identifier(hidden, incoming.hidden_name)))
            except psycopg.errors.UndefinedColumn:
                continue
        handovers.append(Handover(index.name, _generation_name(index.name, outgoing.hidden_name), successor))
    return handovers


def retire(live: str, handovers: Iterable[Handover]) -> list[Composable]:
    """Statements for while the outgoing tables are still in the live namespace."""
    return [_rename(live, handover.name, handover.retired) for handover in handovers]


def succeed(live: str, handovers: Iterable[Handover]) -> list[Composable]:
    """Statements for when the outgoing tables have left."""
    return [_rename(live, handover.successor, handover.name) for handover in handovers]


def _create(index: Index, name: str, table: Composable) -> Composable:
    # The definition is PostgreSQL's own text of an index that it holds, from USING on.
    return SQL("CREATE {}INDEX {} ON {} USING {}").format(
        SQL("UNIQUE ") if index.unique else SQL(""), Identifier(name), table, Composable(index.definition)
    )


def _generation_name(index: str, hidden_name: str) -> str:
    return f"ix_{hashlib.sha256(f'{hidden_name}.{index}'.encode()).hexdigest()[:24]}"


def _rename(live: str, name: str, to: str) -> Composable:
    return SQL("ALTER INDEX {} RENAME TO {}").format(Identifier(live, name), Identifier(to))
