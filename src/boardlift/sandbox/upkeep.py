"""Edits that no item's `updated_at` tells of: renamed labels and people, duplicated boards, items that come back."""

from __future__ import annotations

from typing import cast

from .changes import Changes
from .column import Column
from .duplicates import twin
from .kinds.base import Plain, Record


class Upkeep(Changes):
    """The edits beside those of `Changes` (FACTS 9)."""

    def restore_item(self, item: int, *, touch: bool = True) -> None:
        """Bring an archived or deleted item back, with the subitems that left with it.

        Whether `updated_at` moves is not recorded: `touch` decides.
        """
        with self.lock:
            board, place = self._place(item)
            state = board.state_of(place)
            if state == "active":
                raise ValueError(f"item {item} is neither archived nor deleted")
            for child in board.children:
                for under in child.places_of(item):
                    if child.state_of(under) == state:
                        self._touch(child, under, touch=touch).state = "active"
            self._touch(board, place, touch=touch).state = "active"
            data: Record = {"pulse_id": item, "pulse_name": board.name_of(place)}
            self._event(board, "restore_pulse", data, pulse=True)

    def duplicate_board(self, board: int | str, *, name: str | None = None, older_by: int = 0) -> int:
        """Duplicate a board with its items: new ids, dates as old as the source's. Answers the new board's id.

        No item is logged as created; subitems stay behind.
        """
        with self.lock:
            source, serial = self.board(board), self.index.next_serial()
            named = name or f"Duplicate of {source.name}"
            made = twin(source, serial, named, int(self.now()), self.index.find, older_by)
            self.index.add(made)
            self.stamp += 1
            return made.id

    def rename_label(self, board: int | str, column: str, label: int | str, text: str) -> None:
        """Give a status or dropdown label (by id or text) another text: every cell shows it, no item counts as changed.

        The name of the logged event is made up.
        """
        with self.lock:
            held = self.board(board)
            found = held.column(column)
            rows = cast("list[Record]", found.settings.get("labels", []))
            row = next((row for row in rows if label in (row["id"], row["label"])), None)
            if row is None:
                raise KeyError(f"column {column} has no label {label!r}")
            keep_labels(found, str(row["label"]), cast("int", row["id"]))
            row["label"] = text
            found.revision += 1
            found.forget()
            self._event(held, "update_column_settings", {"column_id": column, "column_title": found.title})

    def rename_user(self, user: int | str, name: str) -> None:
        """Give a user another name: people columns show it, no item counts as changed and nothing is logged."""
        with self.lock:
            row = next((row for row in self.world.users if row["id"] == str(user)), None)
            if row is None:
                raise KeyError(f"the account has no user {user}")
            row["name"] = name
            self.forget_values()

    def forget_values(self) -> None:
        """Build and render every value anew when it is next asked for."""
        with self.lock:
            self.stamp += 1
            for board in self.index.boards:
                for column in board.columns:
                    column.forget()


def keep_labels(column: Column, text: str, identity: int) -> None:
    """Let the edits that name a label by its text name it by its id, which a new text does not change."""

    def by_id(plain: Plain) -> Plain:
        if isinstance(plain, list):
            return [by_id(member) for member in plain]
        return identity if plain == text else plain

    for place, (plain, at) in list(column.edits.items()):
        column.edits[place] = (by_id(plain), at)
