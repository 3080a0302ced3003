"""Every recorded cell through the product's own path: board plan, sealed window, normalizer; and what became of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pyarrow as pa

from boardlift.normalize.boards import BoardPlan, PlannedColumn, plan_board
from boardlift.normalize.columns import UNKNOWN
from boardlift.normalize.items import Normalizer, open_engine
from boardlift.normalize.names import TableNames
from boardlift.settings import BoardSettings
from boardlift.spool.page import Page
from boardlift.spool.run import SpoolRun
from refpages.samples import RecordedCell, RecordedItem

# Fields of a recorded cell that tell of its column, its looks or its history, and nothing of its value.
ABOUT = frozenset(
    {
        *("id", "type", "column", "title", "description", "is_leaf"),
        *("label_style", "is_done", "symbol", "direction", "visualization_type", "updated_at", "update_id"),
        "additional_info",  # 2023's label, colour and change time of a status, all of which the settings hold too
    }
)
# Members of `value` that are no value either.
MARKS = frozenset({"changed_at", "post_id", "icon"})
# Types the API lists but gives no readable value for, and `name`, which is the item's own field.
NOTHING_READABLE = frozenset({"name", "auto_number", "progress"})

Row = Mapping[str, object]


@dataclass(frozen=True)
class Decision:
    """What became of one recorded cell."""

    item: RecordedItem
    recorded: RecordedCell
    family: str
    columns: Mapping[str, object]
    links: tuple[Row, ...]
    quarantined: tuple[Row, ...]
    holds: bool
    unknown: bool

    @property
    def kept(self) -> bool:
        return any(value is not None for value in self.columns.values()) or bool(self.links or self.quarantined)

    @property
    def dropped(self) -> bool:
        """The cell held something, and nothing in SQL says so."""
        return self.holds and not self.kept

    @property
    def words(self) -> str:
        """The decision as a phrase for the reference page."""
        if self.recorded.type == "name":
            return "the item's `name`"
        if self.family in NOTHING_READABLE:
            return "not readable"
        if self.quarantined:
            return "; ".join(f"quarantined: {row['reason']}" for row in self.quarantined)
        if not self.holds and not self.kept:
            return "empty: NULL" if not _mentions(self.recorded) else "cleared: NULL"
        rows = f"{len(self.links)} link row{'s' if len(self.links) > 1 else ''}" if self.links else ""
        typed = "typed" if any(value is not None for value in self.columns.values()) else ""
        return " and ".join(part for part in (typed, rows) if part) or "DROPPED"


def decide(items: list[RecordedItem], *, asked_only: bool = False) -> list[Decision]:
    """Decode all items; one decision for each of their cells. `asked_only` drops fields our query does not ask for."""
    with tempfile.TemporaryDirectory() as folder:
        spool = SpoolRun.open(Path(folder), "recorded")
        engine = open_engine(Path(folder) / "scratch")
        try:
            found: list[Decision] = []
            for item in items:
                plan = _plan(item, asked_only=asked_only)
                answer = _answer(item, plan, asked_only=asked_only)
                found += _decide(item, plan, answer, spool, Normalizer(plan, engine.cursor()))
            return found
        finally:
            engine.close()


def _plan(item: RecordedItem, *, asked_only: bool) -> BoardPlan:
    """The plan of the item's board. The recorders asked `value` of every cell; our query does so where it is needed."""
    plan = plan_board(item.board, BoardSettings(), {}, {}, TableNames({}))
    return plan if asked_only else replace(plan, selection=replace(plan.selection, value=True))


def _decide(
    item: RecordedItem, plan: BoardPlan, answer: bytes, spool: SpoolRun, normalizer: Normalizer
) -> list[Decision]:
    writer = spool.window_writer(plan.key)
    writer.add(Page(plan.key, 1, [msgspec.Raw(answer)], None, 0, 0))
    window = writer.seal()
    tables: dict[str, list[Row]] = {}
    for source in (normalizer.rows(window), normalizer.finish()):
        for rows in source:
            taken = pa.RecordBatchReader.from_stream(rows.stream).read_all().to_pylist()
            tables.setdefault(rows.table.name, []).extend(taken)
    (row,) = tables[plan.table]
    planned = {column.source.id: column for column in plan.columns}
    return [
        _decision(item, recorded, planned.get(recorded.column_id), row, tables, plan.quarantine.name)
        for recorded in item.cells
    ]


def _answer(item: RecordedItem, plan: BoardPlan, *, asked_only: bool) -> bytes:
    """The item under the names our query gives its fields; an id that is no number is made one."""
    aliases = {c.source.id: {f.name: f.key for f in c.family.fields} for c in plan.columns}
    asked = {c.source.id: _asked(c) for c in plan.columns} if asked_only else {}
    return json.dumps(
        {
            "id": str(item.number),
            "name": item.name,
            **{key: item.raw.get(key) for key in ("created_at", "updated_at", "creator_id", "group", "parent_item")},
            "column_values": [
                {
                    "id": cell.column_id,
                    **{
                        aliases.get(cell.column_id, {}).get(key, key): value
                        for key, value in cell.cell.items()
                        if not asked_only or key in asked.get(cell.column_id, ())
                    },
                }
                for cell in item.cells
            ],
        }
    ).encode()


def _asked(column: PlannedColumn) -> set[str]:
    """The fields of a cell of this column that our query asks for."""
    return {"text", *(f.name for f in column.family.fields), *(["value"] if column.family.asks_value else [])}


def _decision(
    item: RecordedItem,
    recorded: RecordedCell,
    column: PlannedColumn | None,
    row: Row,
    tables: Mapping[str, list[Row]],
    quarantine: str,
) -> Decision:
    names = [facet.column.name for facet in column.facets] if column else []
    links = tables.get(column.link_table.name, []) if column and column.link_table else []
    misfits = [each for each in tables.get(quarantine, []) if each["column_id"] == recorded.column_id]
    family = column.family.types[0] if column and column.family.types else recorded.type
    return Decision(
        item=item,
        recorded=recorded,
        family=family,
        columns={name: row[name] for name in names},
        links=tuple({k: v for k, v in link.items() if k not in ("item_id", "ordinal")} for link in links),
        quarantined=tuple(misfits),
        holds=family not in NOTHING_READABLE and _holds(recorded),
        unknown=column is not None and column.family is UNKNOWN,
    )


def _holds(recorded: RecordedCell) -> bool:
    """Whether a person would see something in the cell."""
    return any(_something(_decoded(key, value)) for key, value in recorded.cell.items() if key not in ABOUT)


def _decoded(key: str, value: object) -> object:
    if key != "value" or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _something(value: object) -> bool:
    if isinstance(value, dict):
        return any(_something(inner) for key, inner in value.items() if key not in MARKS)
    if isinstance(value, list):
        return any(_something(inner) for inner in value)
    return value is not None and value != ""


def _mentions(recorded: RecordedCell) -> bool:
    """Whether the cell was once filled: `value` is there, though it says nothing any more."""
    return recorded.cell.get("value") not in (None, "")
