"""All boards of an account, and where each item is."""

from __future__ import annotations

from threading import RLock

from .board import BOARD_BASE, ITEM_BASE, ITEM_SPAN, Board


class BoardIndex:
    """The boards by id and by serial number, and the items that left the board they were made on."""

    def __init__(self) -> None:
        """Without boards at first."""
        self.lock = RLock()
        self.boards: list[Board] = []
        self.moved: dict[int, Board] = {}
        self._by_id: dict[int, Board] = {}
        self._by_serial: dict[int, Board] = {}

    def add(self, board: Board) -> Board:
        """Put a board in."""
        board.lock = self.lock
        self.boards.append(board)
        self._by_id[board.id] = board
        self._by_serial[board.serial] = board
        return board

    def get(self, board_id: int) -> Board | None:
        """The board of an id, whatever its state."""
        return self._by_id.get(board_id)

    def next_serial(self) -> int:
        """The serial number of the board to be made next."""
        return len(self.boards) + 1

    def find(self, item_id: int) -> tuple[Board, int] | None:
        """The board an item is on now, and its place there."""
        board = self.moved.get(item_id) or self._by_serial.get((item_id - ITEM_BASE) // ITEM_SPAN)
        place = None if board is None else board.place_of(item_id)
        return None if board is None or place is None else (board, place)

    def name(self, item_id: int) -> str | None:
        """The name of an item that is not deleted."""
        found = self.find(item_id)
        return None if found is None or found[0].state_of(found[1]) == "deleted" else found[0].name_of(found[1])


__all__ = ["BOARD_BASE", "BoardIndex"]
