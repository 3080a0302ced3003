"""Columns whose value follows from the item or from other columns: logs, item_id, group, subtasks, mirror, formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import cast

from .board import Board
from .column import Column, Pool
from .kinds import KINDS, Cell
from .kinds.base import Record, Settings, clean, dumps, integer, iso_z

Finder = Callable[[int], "tuple[Board, int] | None"]


class PerItem:
    """A value computed from the item itself; the key is the item's place."""

    def __init__(self, compute: Callable[[int], Cell]) -> None:
        """`compute` gives the cell of a place."""
        self.live, self.cell = True, compute

    def keys(self, places: Sequence[int]) -> list[int]:
        """Every item has a value of its own."""
        return list(places)


class LinkPool(Pool):
    """Links to items of another board, drawn from a pool of item lists."""

    def __init__(
        self, board: Board, target: Board, settings: Settings, seed: str, type_name: str, size: int = 499
    ) -> None:
        """Values of `board`'s column point at items of `target`."""
        super().__init__(KINDS[type_name], settings, board.world, seed, size)
        self.target = target

    def plain(self, key: int) -> object:
        """None to three items of the target; a dependency has a type and a lag for each."""
        rng = Random(f"{self.seed}:{key}")
        if rng.random() < 0.25 or not self.target.base:
            return None
        count = min(self.target.base, rng.choice((1, 1, 1, 2, 3)))
        ids = [self.target.item_id(place) for place in rng.sample(range(self.target.base), k=count)]
        if self.kind.type == "dependency":
            return [
                {"id": identity, "type": rng.choice((0, 1, 2, 3)), "lag": rng.choice((0, 0, 2, -1))} for identity in ids
            ]
        return ids


class Mirror:
    """The values of one column of the linked items; keys are those of the connect column it goes through."""

    live = True

    def __init__(self, relation: Column, target_column: Column, find: Finder) -> None:
        """`find` gives the board and place of an item id."""
        self.relation, self.target_column, self.find = relation, target_column, find

    def keys(self, places: Sequence[int]) -> list[int]:
        """The keys of the connect column, moved up by one step so that an edit of it is not taken for one of ours."""
        return [key if key >= 0 else (1 << 40) - key for key in self.relation.keys(places)]

    def cell(self, key: int) -> Cell:
        """`display_value` joins what the linked items show by ", "; `text` and `value` are null (FACTS 17)."""
        ids = self.relation.cell(key if key < 1 << 40 else (1 << 40) - key).fields["linked_item_ids"]
        shown: list[str] = []
        mirrored: list[Record] = []
        for identity in cast("list[str]", ids):
            found = self.find(int(identity))
            if found is None or self.target_column not in found[0].columns:
                continue
            cell = self.target_column.cell_of(found[1])
            text = cell.fields.get("display_value") if cell.text is None else cell.text
            if text:
                shown.append(str(text))
            mirrored.append(
                {
                    "linked_item": int(identity),
                    "linked_board_id": str(found[0].id),
                    "cell": (found, self.target_column),
                }
            )
        display = ", ".join(shown)
        return Cell(
            None,
            None,
            {"display_value": display, "mirrored_items": mirrored},
            {"": display.replace("\u0000", "") or None},
        )


def log_column(board: Board, identity: str, title: str, type_name: str) -> Column:
    """creation_log or last_updated: a time and a user, the same as the item's own."""

    def created(place: int) -> Cell:
        at, by = board.created(place), board.creator(place)
        raw = dumps({"created_at": iso_z(at), "creator_id": by})
        return Cell(log_text(at), raw, {"created_at": iso_z(at), "creator_id": by}, {"": when(at), "by": int(by)})

    def updated(place: int) -> Cell:
        at, by = board.updated(place), board.updater(place)
        raw = dumps({"updated_at": iso_z(at), "updater_id": by})
        return Cell(log_text(at), raw, {"updated_at": iso_z(at), "updater_id": by}, {"": when(at), "by": int(by)})

    return Column(identity, title, type_name, {}, PerItem(created if type_name == "creation_log" else updated))


def when(at: int) -> datetime:
    """Seconds as an aware time."""
    return datetime.fromtimestamp(at, UTC)


def log_text(at: int) -> str:
    """The text of a log column."""
    return f"{when(at):%Y-%m-%d %H:%M:%S} UTC"


def item_id_column(board: Board, identity: str, title: str, prefix: str | None) -> Column:
    """The item's id, or a number with the board's own prefix: text, not a number (FACTS 17)."""

    def compute(place: int) -> Cell:
        shown = str(board.item_id(place)) if prefix is None else f"{prefix}-{place + 1:03d}"
        return Cell(shown, dumps({"item_id": shown}), {"item_id": shown}, {"": shown})

    return Column(identity, title, "item_id", {"displayType": "pulseId"}, PerItem(compute))


def group_column(board: Board, identity: str, title: str) -> Column:
    """The group the item is in."""

    def compute(place: int) -> Cell:
        group = board.group_of(place)
        text = next((row.title for row in board.groups if row.id == group), "")
        return Cell(text, None, {"group_id": group, "group": group}, {"": group})

    return Column(identity, title, "group", {}, PerItem(compute))


def subtasks_column(board: Board, child: Board, identity: str) -> Column:
    """The subitems of an item, which live on a board of their own (FACTS 10)."""

    def compute(place: int) -> Cell:
        under = child.places_under(place)
        ids = [child.item_id(found) for found in under]
        shown = ", ".join(child.name_of(found) for found in under)
        fields: Record = {"subitems_ids": [str(item) for item in ids], "display_value": shown}
        truth: Record = {"": clean(shown), "links": [{"linked_item_id": item} for item in ids]}
        return Cell(None, None, fields, truth)

    settings: Settings = {
        "allowMultipleItems": True,
        "itemTypeName": "column.subtasks.title",
        "displayType": "BOARD_INLINE",
    }
    board.children.append(child)
    return Column(identity, "Subitems", "subtasks", {**settings, "boardIds": [child.id]}, PerItem(compute))


def formula_column(board: Board, identity: str, title: str, numbers: Column, factor: str) -> Column:
    """A numbers column times a factor; empty when the number is (FACTS 17: "" is no proof of empty)."""

    def compute(place: int) -> Cell:
        number = numbers.cell_of(place).truth.get("")
        missing = not isinstance(number, Decimal) or numbers not in board.columns
        shown = "" if missing else f"{(cast('Decimal', number) * Decimal(factor)).normalize():f}"
        return Cell("", None, {"display_value": shown}, {"": shown or None})

    return Column(identity, title, "formula", {"formula": f"{{{numbers.id}}} * {factor}"}, PerItem(compute))


def relation_column(
    board: Board, target: Board, identity: str, title: str, seed: str, type_name: str = "board_relation"
) -> Column:
    """A connect or dependency column whose links point at items of `target`."""
    settings: Settings = {"allowMultipleItems": True, "boardIds": [target.id]}
    if type_name == "dependency":
        settings |= {"dependencyNewInfra": True, "dependency_mode": "flexible"}
    column = Column(
        identity,
        title,
        type_name,
        settings,
        LinkPool(board, target, settings, f"{seed}:{identity}", type_name),
    )
    column.world = board.world
    return column


def mirror_column(
    relation: Column, target: Board, target_column: Column, identity: str, title: str, find: Finder
) -> Column:
    """A column of the target board seen through a connect column."""
    settings: Settings = {
        "relation_column": {relation.id: True},
        "displayed_linked_columns": [{"board_id": str(target.id), "column_ids": [target_column.id]}],
    }
    return Column(identity, title, "mirror", settings, Mirror(relation, target_column, find))


def settings_text(column: Column) -> str:
    """`settings_str`: the older format of the settings, as text (FACTS 16)."""
    settings = dict(column.settings)
    if column.type == "status":
        labels = cast("list[Record]", settings.get("labels", []))
        settings = {
            "done_colors": [row["id"] for row in labels if row["is_done"]],
            "labels": {str(row["id"]): row["label"] for row in labels},
            "labels_positions_v2": {str(row["id"]): row["index"] for row in labels},
            "labels_colors": {str(row["id"]): {"color": row["hex"], "border": row["hex"]} for row in labels},
        }
    elif column.type == "dropdown":
        rows = cast("list[Record]", settings.get("labels", []))
        settings["labels"] = [{"id": row["id"], "name": row["label"]} for row in rows]
    elif column.type == "mirror":
        shown = cast("list[Record]", settings.get("displayed_linked_columns", []))
        settings["displayed_linked_columns"] = {str(integer(row["board_id"])): row["column_ids"] for row in shown}
    return dumps(settings)
