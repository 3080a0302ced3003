"""What a webhook says of an event: the recorded forms (FACTS 14, samples of 2022). Ids are numbers here."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import cast

from .board import Board, Group
from .changes import KEYS
from .column import Column
from .kinds import Cell
from .kinds.base import Record, integer

# monday.com has webhooks for these events only; a moved board, a renamed column or a renamed label tells nobody.
ITEM_GONE = ("delete_pulse", "archive_pulse", "restore_pulse")
TOLD = ("create_pulse", "update_column_value", "update_name", "move_pulse_into_group", "create_column", *ITEM_GONE)
OLD_TYPES = {"status": "color", "people": "multiple-person", "numbers": "numeric", "mirror": "lookup"}


def event_of(board: Board, row: Record, told: Record) -> Record | None:
    """The `event` without its subscription; None for what no webhook tells."""
    kind = str(row["event"])
    if kind not in TOLD:
        return None
    at = integer(row["created_at"]) / 10_000_000
    event: Record = {
        "userId": integer(row["user_id"]),
        "originalTriggerUuid": None,
        "boardId": board.id,
        "app": "monday",
        "type": kind,
        "triggerTime": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "triggerUuid": str(row["id"]).replace("-", ""),
    }
    data = cast("Record", row[KEYS])
    if kind == "create_column":
        column_type = str(data["column_type"])
        return event | {
            "columnId": data["column_id"],
            "columnType": OLD_TYPES.get(column_type, column_type),
            "columnTitle": data["column_title"],
        }
    place = board.place_of(integer(data["pulse_id"]))
    return event if place is None else event | of_item(board, place, kind) | of_change(kind, told, at, board)


def of_item(board: Board, place: int, kind: str) -> Record:
    """Which item it is; subitems name their parent, in texts."""
    item, name = board.item_id(place), board.name_of(place)
    found: Record = {"itemId": item, "itemName": name} if kind in ITEM_GONE else {"pulseId": item, "pulseName": name}
    group = next(row for row in board.groups if row.id == board.group_of(place))
    found |= group_of(group, board)
    if kind == "create_pulse":
        found["columnValues"] = {}
    parent = board.parent_of(place)
    if parent is not None and board.parent is not None:
        found |= {"parentItemId": str(parent), "parentItemBoardId": str(board.parent.id), "itemId": item}
    return found


def group_of(group: Group, board: Board) -> Record:
    """The group an item is in."""
    return {
        "groupId": group.id,
        "groupName": group.title,
        "groupColor": group.color,
        "isTopGroup": group is board.groups[0],
    }


def of_change(kind: str, told: Record, at: float, board: Board) -> Record:
    """What was there before, and what is there now."""
    if kind == "update_column_value":
        column = cast("Column", told["column"])
        return {
            "columnId": column.id,
            "columnType": OLD_TYPES.get(column.type, column.type),
            "columnTitle": column.title,
            "value": value_of(column, cast("Cell", told["after"])),
            "previousValue": value_of(column, cast("Cell", told["before"])),
            "changedAt": at,
        }
    if kind == "update_name":
        return {"value": {"name": told["after"]}, "previousValue": {"name": told["before"]}, "changedAt": at}
    if kind == "move_pulse_into_group":
        titles = {row.id: row.title for row in board.groups}
        ends = (("sourceGroup", str(told["before"])), ("destGroup", str(told["after"])))
        ids: Record = {f"{name}Id": identity for name, identity in ends}
        return ids | {name: {"id": identity, "title": titles[identity]} for name, identity in ends}
    return {}


def value_of(column: Column, cell: Cell) -> Record | None:
    """A value as webhooks show it: the raw value, for a status its label."""
    if cell.value is None:
        return None
    raw = json.loads(cell.value)
    if column.type != "status":
        return cast("Record", raw) if isinstance(raw, dict) else {"value": raw}
    if cell.fields["index"] is None:
        return None
    style = cast("Record", cell.fields["label_style"])
    label = {
        "index": cell.fields["index"],
        "text": cell.fields["label"],
        "style": {**style, "var_name": ""},
        "is_done": cell.fields["is_done"],
    }
    return {"label": label, "post_id": None}
