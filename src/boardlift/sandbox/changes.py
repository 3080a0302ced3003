"""Edits of an account while it runs: what a user does in the browser while a reader reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from threading import RLock
from uuid import UUID

from .board import Board, Edit
from .column import Column, Pool
from .directory import ACCOUNT_ID
from .index import BoardIndex
from .kinds import KINDS, Directory
from .kinds.base import Plain, Record, Settings, dumps

# Told of each event while the account is locked: the board, the row of the log, and what only a webhook tells.
Listener = Callable[[Board, Record, Record], None]
KEYS = "_data"  # of a log row: its data as values, for filters
MISFITS: dict[str, Plain] = {"numbers": "n/a", "date": {"date": "2026-02-31"}}


class Changes:
    """The edits. Which of them move an item's `updated_at` follows FACTS 9; each writes an activity log event."""

    lock: RLock
    stamp: int
    seed: int
    index: BoardIndex
    world: Directory
    unreadable: set[int]
    board: Callable[[int | str], Board]
    now: Callable[[], float]
    listeners: list[Listener]

    def rename_board(self, board: int | str, name: str) -> None:
        """Give a board another name; no item counts as changed."""
        with self.lock:
            held = self.board(board)
            self._event(held, "update_board_name", {"board_name": name, "previous_value": {"name": held.name}})
            held.name = name

    def delete_board(self, board: int | str, *, state: str = "deleted") -> None:
        """Delete (or archive) a board."""
        with self.lock:
            held = self.board(board)
            held.state = state
            self._event(held, "board_deleted" if state == "deleted" else "board_state_changed", {})

    def set_unreadable(self, board: int | str, *, unreadable: bool = True) -> None:
        """Take the token's right to a board away, or give it back."""
        with self.lock:
            identity = self.board(board).id
            (self.unreadable.add if unreadable else self.unreadable.discard)(identity)

    def add_column(
        self,
        board: int | str,
        type_name: str,
        title: str,
        *,
        column_id: str | None = None,
        filled: float = 0.1,
    ) -> Column:
        """Add a column of a kind; a share `filled` of the items has a value in it. No item counts as changed."""
        with self.lock:
            held = self.board(board)
            identity = column_id or f"{type_name[:14]}_mn{len(held.columns):03x}"
            if any(column.id == identity for column in held.columns):
                raise ValueError(f"board {held.id} already has a column {identity}")
            kind = KINDS[type_name]
            settings = kind.settings(Random(f"{self.seed}:{held.id}:{identity}"))
            seed = f"{self.seed}:{held.serial}:{identity}:late"
            column = Column(identity, title, type_name, settings, Pool(kind, settings, self.world, seed, 251, filled))
            column.world = self.world
            held.columns.append(column)
            self._event(
                held,
                "create_column",
                {"column_id": identity, "column_title": title, "column_type": type_name},
            )
            return column

    def rename_column(self, board: int | str, column: str, title: str) -> None:
        """Give a column another title; its id stays."""
        with self.lock:
            held = self.board(board)
            found = held.column(column)
            self._event(held, "update_column_name", {"column_id": column, "column_title": title})
            found.title = title
            found.revision += 1

    def retype_column(self, board: int | str, column: str, type_name: str) -> None:
        """Make a column one of another type under the same id; old values are gone, a few of the new type are there."""
        with self.lock:
            held = self.board(board)
            found = held.column(column)
            kind = KINDS[type_name]
            seed = f"{self.seed}:{held.serial}:{column}:{type_name}"
            settings: Settings = kind.settings(Random(seed))
            found.type, found.settings, found.source = (
                type_name,
                settings,
                Pool(kind, settings, self.world, seed, 251, 0.5),
            )
            found.edits.clear()
            found.forget()
            found.world = self.world
            found.revision += 1
            self._event(held, "update_column_type", {"column_id": column, "column_type": type_name})

    def delete_column(self, board: int | str, column: str) -> None:
        """Take a column away."""
        with self.lock:
            held = self.board(board)
            held.columns.remove(held.column(column))
            self._event(held, "delete_column", {"column_id": column})

    def add_items(
        self, board: int | str, n: int = 1, *, group: str | None = None, parent: int | None = None
    ) -> list[int]:
        """Make `n` items; answers their ids. On a subitem board give the parent's id."""
        with self.lock:
            held = self.board(board)
            at = int(self.now())
            ids = []
            for _ in range(n):
                place = held.base + held.added
                held.added += 1
                edit = held.edit_of(place)
                edit.created_at = edit.updated_at = at
                edit.group, edit.parent = group or held.groups[0].id, parent
                ids.append(held.item_id(place))
                self._event(held, "create_pulse", {"pulse_id": ids[-1], "pulse_name": held.name_of(place)}, pulse=True)
            return ids

    def change_item(self, item: int, values: Mapping[str, Plain]) -> None:
        """Set values by column id (plain forms: "Done", "12.5", None, {"date": ...}); the item's `updated_at` moves."""
        with self.lock:
            board, place = self._place(item)
            at = int(self.now())
            for column_id, plain in values.items():
                column = board.column(column_id)
                if column.type not in KINDS:
                    raise ValueError(f"a column of type {column.type} is computed and cannot be set")
                before = column.cell_of(place)
                after = KINDS[column.type].build(plain, column.settings, self.world, at)
                column.edit(place, plain, at)
                data = {"pulse_id": item, "column_id": column_id, "column_type": column.type}
                told: Record = {"before": before, "after": after, "column": column}
                self._event(board, "update_column_value", data, pulse=True, told=told)
            self._touch(board, place)

    def misfit(self, item: int, column: str) -> None:
        """Put a value into a numbers or date column that is no number and no day."""
        with self.lock:
            board, _place = self._place(item)
            self.change_item(item, {column: MISFITS[board.column(column).type]})

    def rename_item(self, item: int, name: str) -> None:
        """Give an item another name."""
        with self.lock:
            board, place = self._place(item)
            told: Record = {"before": board.name_of(place), "after": name}
            self._touch(board, place).name = name
            self._event(board, "update_name", {"pulse_id": item, "value": {"name": name}}, pulse=True, told=told)

    def move_item(
        self, item: int, *, group: str | None = None, board: int | str | None = None, touch: bool = True
    ) -> None:
        """Move an item to a group or to another board: it keeps its id, and values where column id and type fit.

        Whether `updated_at` moves is not certain (FACTS 9): `touch` decides.
        """
        with self.lock:
            held, place = self._place(item)
            if board is None:
                if group not in [row.id for row in held.groups]:
                    raise ValueError(f"board {held.id} has no group {group}")
                told: Record = {"before": held.group_of(place), "after": group}
                self._touch(held, place, touch=touch).group = group
                data = {"pulse_id": item, "dest_group_id": group}
                self._event(held, "move_pulse_into_group", data, pulse=True, told=told)
                return
            self._move_to_board(held, place, self.board(board), group, touch=touch)

    def _move_to_board(self, source: Board, place: int, target: Board, group: str | None, *, touch: bool) -> None:
        item, at = source.item_id(place), int(self.now())
        there = target.base + target.added
        target.added += 1
        edit = target.edit_of(there)
        edit.name, edit.created_at, edit.updated_at = source.name_of(place), source.created(place), at
        if not touch:
            edit.updated_at = source.updated(place)
        edit.group, edit.item_id = group or target.groups[0].id, item
        for column in target.value_columns():
            twin = next((row for row in source.columns if (row.id, row.type) == (column.id, column.type)), None)
            key = twin.keys((place,))[0] if twin is not None else 0
            if column.type not in KINDS:
                continue
            plain: Plain = None
            if twin is not None and key < 0:
                plain = twin.edits[place][0]
            elif twin is not None and isinstance(twin.source, Pool):
                plain = twin.source.plain(key)
            column.edit(there, plain, at)
        source.edit_of(place).moved_away = True
        source.foreign.pop(item, None)
        target.foreign[item] = there
        self.index.moved[item] = target
        self._event(source, "move_pulse_from_board", {"pulse_id": item, "dest_board_id": target.id}, pulse=True)
        self._event(target, "move_pulse_into_board", {"pulse_id": item, "source_board_id": source.id}, pulse=True)

    def archive_item(self, item: int) -> None:
        """Archive an item: it leaves items_page, and items(ids) still shows it."""
        self._set_state(item, "archived", "archive_pulse")

    def delete_item(self, item: int) -> None:
        """Delete an item; its subitems go with it."""
        self._set_state(item, "deleted", "delete_pulse")

    def _set_state(self, item: int, state: str, event: str) -> None:
        with self.lock:
            board, place = self._place(item)
            for child in board.children:
                for under in child.places_under(place):
                    self._touch(child, under).state = state
            self._touch(board, place).state = state
            self._event(board, event, {"pulse_id": item, "pulse_name": board.name_of(place)}, pulse=True)

    def _place(self, item: int) -> tuple[Board, int]:
        found = self.index.find(item)
        if found is None:
            raise KeyError(f"the account has no item {item}")
        return found

    def _touch(self, board: Board, place: int, *, touch: bool = True) -> Edit:
        edit = board.edit_of(place)
        if not touch:
            return edit
        edit.updated_at = max(int(self.now()), board.updated(place))
        edit.updater = str(self.world.users[0]["id"])
        return edit

    def _event(
        self, board: Board, event: str, data: Record, *, pulse: bool = False, told: Record | None = None
    ) -> None:
        self.stamp += 1
        board.stamp += 1
        board.touched_at = int(self.now())
        row: Record = {
            "id": str(UUID(int=Random(f"{self.seed}:{self.stamp}").getrandbits(128))),
            "account_id": ACCOUNT_ID,
            # FACTS 13: 17 digits, ten millionths of a second
            "created_at": str(int(self.now() * 10_000_000)),
            "data": dumps({"board_id": board.id, **data}),
            "entity": "pulse" if pulse else "board",
            "event": event,
            "user_id": str(self.world.users[0]["id"]),
            KEYS: data,
        }
        board.log.append(row)
        for listener in self.listeners:
            listener(board, row, told or {})
