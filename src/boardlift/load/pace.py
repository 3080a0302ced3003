"""How many live tables one commit replaces, so that readers wait for about so long and no longer."""

from __future__ import annotations

from typing import Protocol

from boardlift.destinations.interface import Capabilities, SwapOutcome

TARGET_MS = 150.0
"""The time that readers should wait for a commit at most, as far as it can be foreseen."""
MOST = 250
"""Tables in one commit, however quick the server was found to be."""
_MS_PER_TABLE = "ms for each table that a commit replaces"


class Memory(Protocol):
    """What was found out about one server."""

    def recall(self, key: str) -> str: ...

    def keep(self, key: str, value: str) -> None: ...


class Pace:
    """Grows with a server that was found to be quick; on a slow one commits are small where several are needed anyway.

    What fits into `Capabilities.tables_in_one_commit` has one commit everywhere, so that a person can rely on it.
    """

    def __init__(self, capabilities: Capabilities, memory: Memory | None = None) -> None:
        self._surely = capabilities.tables_in_one_commit
        self._memory = memory
        self._ms = TARGET_MS / self._surely if self._surely else 0.0
        if memory is not None and (kept := _number(memory.recall(_MS_PER_TABLE))):
            self._ms = kept

    @property
    def whole(self) -> float:
        """So many tables have one commit; 0 means any number."""
        return max(self._surely, self.most) if self._surely else 0

    @property
    def most(self) -> float:
        """So many tables a commit has when there are several; 0 means any number."""
        return max(1.0, min(TARGET_MS / self._ms, MOST)) if self._surely else 0

    def learn(self, tables: float, outcome: SwapOutcome) -> None:
        """What a commit that replaced so many tables took. A slow one counts at once, a quick one by half.

        A few tables tell more of the connection, and of what is built on them, than of tables.
        """
        if not self._surely or not outcome.blocked_ms or tables < self._surely / 4:
            return
        found = outcome.blocked_ms / tables
        self._ms = max(found, (self._ms + found) / 2)
        if self._memory is not None:
            self._memory.keep(_MS_PER_TABLE, f"{self._ms:.3f}")


def _number(text: str) -> float:
    """A positive number, or zero for whatever else it is."""
    try:
        return max(float(text), 0.0)
    except ValueError:
        return 0.0
