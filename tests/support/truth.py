"""Compare every cell that lies in a destination with what the sandbox account really holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from boardlift.destinations.interface import Destination
from boardlift.normalize.boards import BoardPlan, PlannedColumn
from boardlift.sandbox import Account
from boardlift.shape.sql import SQL, Identifier
from boardlift.shape.types import Kind

LINK_NAMES = {"subitem_id": "linked_item_id"}


@dataclass
class Comparison:
    """How many cells were compared, and each that differs."""

    cells: int = 0
    differences: list[str] = field(default_factory=list)

    def hold(self, where: str, expected: object, actual: object) -> None:
        self.cells += 1
        if expected != actual:
            self.differences.append(f"{where}: expected {expected!r}, found {actual!r}")


def compare_account(account: Account, plans: Sequence[BoardPlan], destination: Destination) -> Comparison:
    """Every cell of every table of these boards."""
    assert plans, "no board to compare"
    comparison = Comparison()
    for plan in plans:
        _compare_board(account, plan, destination, comparison)
    return comparison


def _rows(destination: Destination, table: str) -> list[dict[str, object]]:
    names, rows = destination.query(str(SQL("SELECT * FROM {}").format(Identifier(destination.namespace, table))))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _compare_board(account: Account, plan: BoardPlan, destination: Destination, comparison: Comparison) -> None:
    board = account.board(int(plan.key))
    found = _rows(destination, plan.table)
    rows = {row["item_id"]: row for row in found}
    items = list(board.active_items())
    comparison.hold(f"{plan.table}: rows", len(items), len(found))
    comparison.hold(f"{plan.table}: set of items", {item.id for item in items}, set(rows))
    titles = {group.id: group.title.replace("\0", "") for group in board.groups}
    for item in items:
        if (row := rows.get(item.id)) is None:
            continue  # said above
        where = f"{plan.table}[{item.id}]"
        comparison.hold(f"{where}.name", item.name or None, row["name"] or None)
        comparison.hold(f"{where}.group_id", item.group_id, row["group_id"])
        comparison.hold(f"{where}.group_title", titles[item.group_id], row["group_title"])
        comparison.hold(f"{where}.created_at", item.created_at, row["created_at"])
        comparison.hold(f"{where}.updated_at", item.updated_at, row["updated_at"])
        comparison.hold(f"{where}.creator_id", item.creator_id, row["creator_id"])
        if plan.is_subitems:
            comparison.hold(f"{where}.parent_item_id", item.parent_item_id, row["parent_item_id"])
        for column in plan.columns:
            truth = board.truth(item, column.source.id)
            for planned in column.facets:
                actual = row[planned.column.name]
                if planned.column.type.kind is Kind.JSON and isinstance(actual, str):
                    actual = json.loads(actual)
                comparison.hold(f"{where}.{planned.column.name}", truth.get(planned.facet.suffix), actual)
    for column in plan.columns:
        if column.link_table is not None:
            _compare_links(account, plan, column, destination, comparison)


def _compare_links(
    account: Account, plan: BoardPlan, column: PlannedColumn, destination: Destination, comparison: Comparison
) -> None:
    assert column.link_table is not None and column.links is not None
    board = account.board(int(plan.key))
    source = column.links.through or column.source.id
    found: dict[object, list[dict[str, object]]] = {}
    for row in _rows(destination, column.link_table.name):
        found.setdefault(row["item_id"], []).append(row)
    for item in board.active_items():
        expected = list(_links(board.truth(item, source)))
        actual = sorted(found.pop(item.id, []), key=lambda row: int(str(row["ordinal"])))
        where = f"{column.link_table.name}[{item.id}]"
        comparison.hold(f"{where}: rows", len(expected), len(actual))
        for link, row in zip(expected, actual, strict=False):
            shared = {name: LINK_NAMES.get(name, name) for name in row if LINK_NAMES.get(name, name) in link}
            assert shared, f"nothing to compare in {column.link_table.name}: {link} against {row}"
            for name, key in shared.items():
                comparison.hold(f"{where}[{row['ordinal']}].{name}", link[key], row[name])
    comparison.hold(f"{column.link_table.name}: links of unknown items", {}, found)


def _links(truth: dict[str, object]) -> Iterator[dict[str, object]]:
    links = truth.get("links") or ()
    assert isinstance(links, (list, tuple))
    yield from links
