"""Recorded answers of the real API: every item with cells in the samples folder, as our own query would have got it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from boardlift.monday.model import Board, BoardColumn, Group, settings_of

Cell = Mapping[str, object]

# Recordings without `type`: the type each column has, told by the page or by the other recordings of the account.
_DOCS_TYPES = {
    "Status": "status",
    "Date": "date",
    "Timeline": "timeline",
    "People": "people",
    "Files (assets)": "file",
    "Time Tracking": "time_tracking",
    "Mirror": "mirror",
    "Connect Boards": "board_relation",
    "Dependency": "dependency",
    "Last Updated": "last_updated",
    "Numbers": "numbers",
    "Vote": "vote",
    "Hour": "hour",
    "Color picker": "color_picker",
    "Creation log": "creation_log",
    "Location": "location",
}


@dataclass(frozen=True)
class RecordedCell:
    """One cell as recorded; `column_id` is made up where the recording did not ask for it."""

    column_id: str
    type: str
    cell: Cell


@dataclass(frozen=True)
class RecordedItem:
    """One item of a sample file, and the board it belongs to as far as the file tells."""

    sample: str
    place: str
    number: int
    name: str
    cells: tuple[RecordedCell, ...]
    board: Board
    raw: Mapping[str, object]


def samples_folder() -> Path:
    """$BOARDLIFT_SAMPLES, else the folder beside the repository. It may be absent."""
    given = os.environ.get("BOARDLIFT_SAMPLES")
    return Path(given) if given else Path(__file__).parents[4] / "shared" / "monday-api" / "samples"


def recorded_items(folder: Path) -> list[RecordedItem]:
    """Every item with `column_values` in the folder, in the order of the file names."""
    found: list[RecordedItem] = []
    for path in sorted([*folder.rglob("*.json"), *folder.rglob("*.jsonl")]):
        text = path.read_text(encoding="utf-8")
        documents = [json.loads(text)] if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
        columns = {c.id: c for document in documents for c in _columns(document)}
        types = _types_by_position(documents) if path.parent.name.startswith("mondaygpt") else []
        for number, document in enumerate(documents, start=1):
            # The nango files repeat each answer as their own program rewrote it; only the answer is recorded.
            answers = document["api"] if isinstance(document, dict) and "api" in document else document
            page = document.get("page", "") if isinstance(document, dict) else ""
            for item in _items(answers):
                cells = tuple(_cells(item, columns, _DOCS_TYPES.get(str(page), ""), types, folder))
                place = f"line {number}" if path.suffix == ".jsonl" else f"item {item.get('id', '')}"
                sample = path.relative_to(folder).as_posix()
                found.append(_item(sample, place, len(found) + 1, item, cells, columns))
    return found


def _walk(document: object) -> Iterator[Mapping[str, object]]:
    if isinstance(document, dict):
        yield document
        for inner in document.values():
            yield from _walk(inner)
    elif isinstance(document, list):
        for inner in document:
            yield from _walk(inner)


def _items(document: object) -> Iterator[Mapping[str, object]]:
    return (each for each in _walk(document) if isinstance(each.get("column_values"), list))


def _columns(document: object) -> Iterator[BoardColumn]:
    """Columns with their settings, where a board was recorded with them; else what a cell says of its column."""
    for each in _walk(document):
        inner = each.get("columns")
        for column in inner if isinstance(inner, list) else []:
            if isinstance(column, dict) and isinstance(column.get("type"), str):
                settings = settings_of(column.get("settings"), column.get("settings_str"))
                yield BoardColumn(id=str(column["id"]), title=_text(column), type=column["type"], settings=settings)


def _text(column: Mapping[str, object]) -> str:
    return str(column.get("title") or column.get("id"))


def _types_by_position(documents: list[object]) -> list[str]:
    """Section 49 names the type of all 30 columns of the account's board; the other sections keep their order."""
    for document in documents:
        for item in _items(document):
            values = item["column_values"]
            if isinstance(values, list) and all("type" in cell for cell in values):
                return [str(cell["type"]) for cell in values]
    return []


def _cells(
    item: Mapping[str, object], columns: Mapping[str, BoardColumn], page_type: str, types: list[str], folder: Path
) -> Iterator[RecordedCell]:
    values = item["column_values"]
    assert isinstance(values, list)
    for place, cell in enumerate(values):
        column_id = str(cell.get("id") or f"cell_{place}")
        known = columns.get(column_id)
        kind = str(cell.get("type") or page_type or (known.type if known else ""))
        if not kind and len(values) == len(types):
            kind = types[place]
        if not kind:
            # An automatic id begins with a type; only `text_...` needs that here, and that one kept its name.
            guess = "link" if "url" in cell else column_id.partition("_")[0]
            kind = nango_types(folder).get(column_id, guess)
        yield RecordedCell(column_id, kind, cell)


def nango_types(folder: Path) -> dict[str, str]:
    """Column types of the account behind the nango files, some of which did not ask for `type`."""
    text = (folder / "nango-2026" / "columns.json").read_text(encoding="utf-8")
    return {column.id: column.type for column in _columns(json.loads(text))}


def _item(
    sample: str,
    place: str,
    number: int,
    item: Mapping[str, object],
    cells: tuple[RecordedCell, ...],
    columns: Mapping[str, BoardColumn],
) -> RecordedItem:
    group = item.get("group")
    groups = (Group(id=str(group["id"])),) if isinstance(group, dict) else ()
    board = Board(
        id=str(1_000_000 + number),
        name=f"{sample} {place}",
        items_count=1,
        groups=groups,
        columns=tuple(
            BoardColumn(
                id=cell.column_id,
                title=columns[cell.column_id].title if cell.column_id in columns else cell.column_id,
                type=cell.type,
                settings=columns[cell.column_id].settings if cell.column_id in columns else {},
            )
            for cell in cells
        ),
    )
    return RecordedItem(sample, place, number, str(item.get("name") or ""), cells, board, item)
