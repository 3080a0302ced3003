"""From what readers seal to staged rows: large boards as they come, small ones many at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from boardlift.destinations.interface import Destination
from boardlift.load.stage import Staging, distribute
from boardlift.monday.events import BoardFailed, BoardRead, Restarted
from boardlift.monday.parallel import Sealed
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.items import Normalizer
from boardlift.normalize.many import BoardRows, ManyBoards, SmallBoard
from boardlift.spool.window import Window

_SMALL_BYTES = 1024 * 1024
_SMALL_ITEMS = 500
"""From here on the rows cost more than the planning of their statement."""
_TOGETHER = 50
_TOGETHER_BYTES = 16 * 1024 * 1024


@dataclass
class _Held:
    """Boards whose windows wait: until their last page shows that they are small, then until enough are together."""

    reading: dict[str, tuple[Window, ...]] = field(default_factory=dict)
    read: list[SmallBoard] = field(default_factory=list)

    @property
    def enough(self) -> bool:
        waiting = sum(window.raw_bytes for board in self.read for window in board.windows)
        return len(self.read) >= _TOGETHER or waiting >= _TOGETHER_BYTES


class Loader:
    """Stages what comes of the boards of a run. Not thread-safe."""

    def __init__(
        self,
        plans: Sequence[BoardPlan],
        stagings: Mapping[str, Staging],
        normalizers: Mapping[str, Normalizer],
        many: ManyBoards,
        destination: Destination,
    ) -> None:
        self._plans = {plan.key: plan for plan in plans}
        self._stagings = stagings
        self._normalizers = normalizers
        self._many = many
        self._destination = destination
        self._held = _Held()
        self._begun: set[str] = set()

    def take(self, event: Sealed | Restarted | BoardRead | BoardFailed) -> None:
        """Stage what has come, or keep it for later. Raises what the normalizer and the destination raise."""
        match event:
            case Sealed():
                self._sealed(event.board_id, event.windows)
            case Restarted() | BoardFailed():
                self._held.reading.pop(event.board_id, None)
                if event.board_id in self._begun:
                    self._begun.remove(event.board_id)
                    self._stagings[event.board_id].restart()
                    self._normalizers[event.board_id].reset()
            case BoardRead():
                if event.unreadable:  # its quarantine is filled from here, too, so it stands alone
                    self._load(event.board_id, self._held.reading.pop(event.board_id, ()))
                    self._normalizers[event.board_id].set_apart(event.unreadable)
                self._read(event.board_id)

    def finish(self) -> None:
        """Stage what was kept."""
        boards, self._held.read = self._held.read, []
        for found in self._many.rows(boards) if boards else ():
            if isinstance(found, BoardRows):
                self._stagings[found.board_id].append(found.rows.table, found.rows.stream)
            else:
                into = {n: (self._stagings[board_id], table) for n, (board_id, table) in found.tables.items()}
                distribute(self._destination, into, found.stream)
        self._destination.complete([one for board in boards for one in self._stagings[board.plan.key].filled])

    def quarantined(self, board_id: str) -> int:
        """How many values of a board did not fit."""
        return self._normalizers[board_id].quarantined

    def _sealed(self, board_id: str, windows: tuple[Window, ...]) -> None:
        held = self._held.reading.pop(board_id, ())
        small = (
            not held
            and board_id not in self._begun
            and sum(window.raw_bytes for window in windows) <= _SMALL_BYTES
            and sum(window.items for window in windows) <= _SMALL_ITEMS
        )
        if small:
            self._held.reading[board_id] = windows
            return
        for some in (held, windows):
            self._load(board_id, some)

    def _load(self, board_id: str, windows: tuple[Window, ...]) -> None:
        self._begun.add(board_id)
        if windows:
            for rows in self._normalizers[board_id].rows(*windows):
                self._stagings[board_id].append(rows.table, rows.stream)

    def _read(self, board_id: str) -> None:
        if board_id in self._begun:
            for rows in self._normalizers[board_id].finish():
                self._stagings[board_id].append(rows.table, rows.stream)
            self._destination.complete(self._stagings[board_id].filled)
            return
        self._held.read.append(SmallBoard(self._plans[board_id], self._held.reading.pop(board_id, ())))
        if self._held.enough:
            self.finish()
