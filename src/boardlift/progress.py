"""What the core tells while it works. The default says nothing; the command line draws bars or prints lines."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told from several threads; an implementation must be thread-safe."""

    def board_started(self, board: str, items: int) -> None:
        """Reading of `board` (its name) begins; monday counts `items` of them."""
        ...

    def items_read(self, board: str, items: int) -> None:
        """`items` more have been read and sealed."""
        ...

    def board_restarted(self, board: str, reason: str) -> None:
        """Reading starts again from the first page; what was read counts no more."""
        ...

    def board_read(self, board: str) -> None: ...

    def waiting(self, seconds: float, reason: str) -> None:
        """The source told us, or we decided, to wait."""
        ...

    def phase(self, name: str, detail: str = "") -> None:
        """The run enters a phase: plan, read, validate, promote, ..."""
        ...


class Silent:
    """Says nothing."""

    def board_started(self, board: str, items: int) -> None:
        pass

    def items_read(self, board: str, items: int) -> None:
        pass

    def board_restarted(self, board: str, reason: str) -> None:
        pass

    def board_read(self, board: str) -> None:
        pass

    def waiting(self, seconds: float, reason: str) -> None:
        pass

    def phase(self, name: str, detail: str = "") -> None:
        pass
