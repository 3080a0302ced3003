"""How a run is shown while it works: bars on a terminal, one log line an event elsewhere."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from boardlift.logs import open_log
from boardlift.progress import Silent

if TYPE_CHECKING:
    from rich.progress import TaskID


class Bars:
    """One bar for each board, on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._phase = self._bars.add_task("starting", total=None, note="")
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def board_started(self, board: str, items: int) -> None:
        with self._lock:
            self._tasks[board] = self._bars.add_task(_short(board), total=items, note="")

    def items_read(self, board: str, items: int) -> None:
        if board in self._tasks:
            self._bars.advance(self._tasks[board], items)

    def board_restarted(self, board: str, reason: str) -> None:
        if board in self._tasks:
            self._bars.reset(self._tasks[board])
            self._bars.update(self._tasks[board], note=f"again: {_short(reason)}")

    def board_read(self, board: str) -> None:
        if board in self._tasks:
            self._bars.update(self._tasks[board], note="read")

    def waiting(self, seconds: float, reason: str) -> None:
        self._bars.update(self._phase, note=f"waiting {seconds:.0f} s: {_short(reason)}")

    def phase(self, name: str, detail: str = "") -> None:
        self._bars.update(self._phase, description=name, note=_short(detail))


class Lines:
    """One structured ASCII line for each event, on standard error."""

    def __init__(self, *, as_json: bool, secrets: tuple[str, ...]) -> None:
        self._log = open_log(as_json=as_json, secrets=secrets)
        self._read: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def board_started(self, board: str, items: int) -> None:
        self._read[board] = 0
        self._log.info("board_started", board=board, items=items)

    def items_read(self, board: str, items: int) -> None:
        self._read[board] = self._read.get(board, 0) + items
        self._log.debug("items_read", board=board, items=self._read[board])

    def board_restarted(self, board: str, reason: str) -> None:
        self._read[board] = 0
        self._log.warning("board_restarted", board=board, reason=reason)

    def board_read(self, board: str) -> None:
        self._log.info("board_read", board=board, items=self._read.get(board, 0))

    def waiting(self, seconds: float, reason: str) -> None:
        self._log.warning("waiting", seconds=round(seconds, 1), reason=reason)

    def phase(self, name: str, detail: str = "") -> None:
        self._log.info(name, detail=detail) if detail else self._log.info(name)


class Quiet(Silent):
    """Nothing at all."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def open_progress(*, quiet: bool, log_json: bool, secrets: tuple[str, ...]) -> Bars | Lines | Quiet:
    """What fits the place: bars on a terminal, else lines; nothing if so wished."""
    if quiet:
        return Quiet()
    if sys.stderr.isatty() and not log_json:
        return Bars()
    return Lines(as_json=log_json, secrets=secrets)


def _short(text: str) -> str:
    clean = "".join(ch if ch.isprintable() else "?" for ch in text)
    return clean if len(clean) <= 36 else clean[:35] + "…"
