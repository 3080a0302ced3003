"""The ledger: all durable records in one SQLite file, apart from the database they describe."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from boardlift.clock import Clock
from boardlift.ledger.accounts import Accounts
from boardlift.ledger.dirty import Dirt
from boardlift.ledger.lease import Leases
from boardlift.ledger.memory import Memories
from boardlift.ledger.names import Names
from boardlift.ledger.promotions import Promotions
from boardlift.ledger.runs import Runs
from boardlift.ledger.shapes import Shapes
from boardlift.ledger.store import Store
from boardlift.ledger.watermarks import Watermarks


class Ledger(Runs, Promotions, Names, Shapes, Watermarks, Memories, Leases, Accounts, Dirt):
    """What was done and who said so. Safe for several threads of a process and several processes of a machine.

    Each chapter lives in its own file. Whatever a method writes is on disk when it returns.
    """

    @classmethod
    def open(cls, path: Path, clock: Clock) -> Self:
        """Open the ledger at `path`, making it and its folder, for the owner only, when missing.

        Raises ConfigError when the file is not a ledger, is read-only or newer than this boardlift, BoardliftError when
        it is damaged or the disk is full.
        """
        return cls(Store.open(path), clock)

    @property
    def path(self) -> Path:
        return self._store.path

    def problems(self) -> list[str]:
        """What is wrong with the file, for `boardlift doctor`; empty when it is sound. Reads all of it."""
        return self._store.problems()

    def close(self) -> None:
        """Let go of the file. Runs of this ledger that have not ended count as dead from now on."""
        self._running.close()
        self._readers.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
