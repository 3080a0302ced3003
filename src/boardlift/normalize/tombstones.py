"""The table of what has gone from a board: a row for each item that was deleted, archived or moved away."""

from __future__ import annotations

from dataclasses import replace

from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.names import TableNames
from boardlift.shape.table import Column, Table, TableGroup
from boardlift.shape.types import BIGINT, TEXT, TIMESTAMP

TOMBSTONE_COLUMNS = (
    Column("item_id", BIGINT, nullable=False, label="Item id"),
    Column("name", TEXT, label="Name"),
    Column("state", TEXT, label="deleted, archived, moved or absent"),
    Column("noticed_at", TIMESTAMP, label="Noticed"),
    Column("last_updated_at", TIMESTAMP, label="Last updated"),
)


def with_tombstones(plan: BoardPlan, tables: TableNames) -> BoardPlan:
    """The plan of a board that is read incrementally: with the table of its deleted items."""
    name = tables.part(plan.key, "", "deleted", plan.table, "deleted")
    label = f"{plan.board.name}: deleted items".replace("\0", "")
    table = Table(name, TOMBSTONE_COLUMNS, ("item_id",), label=label)
    group = TableGroup(plan.group.key, plan.group.main, (*plan.group.others, table))
    return replace(plan, group=group, tombstones=table)
