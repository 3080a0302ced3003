"""What was found out once and need not be found out again: hints that make a run faster, never facts it depends on."""

from __future__ import annotations

from dataclasses import dataclass

from boardlift.ledger.store import Part


@dataclass(frozen=True)
class _Kept:
    value: str


class Memories(Part):
    """The chapter of hints, each a text under a subject (an account's address, a board's id) and a name."""

    def recall(self, subject: str, name: str) -> str:
        """The text kept; empty when there is none."""
        found = self._store.rows("recall", _Kept, subject=subject, name=name)
        return found[0].value if found else ""

    def keep(self, subject: str, name: str, value: str) -> None:
        """Keep a text in place of what was kept before."""
        with self._store.transaction():
            self._store.change("keep", subject=subject, name=name, value=value, at=self._clock.now())

    def about(self, subject: str) -> Memory:
        """What is kept about one subject."""
        return Memory(self, subject)


@dataclass(frozen=True)
class Memory:
    """The hints about one subject. Safe to share among threads."""

    memories: Memories
    subject: str

    def recall(self, key: str) -> str:
        return self.memories.recall(self.subject, key)

    def keep(self, key: str, value: str) -> None:
        self.memories.keep(self.subject, key, value)
