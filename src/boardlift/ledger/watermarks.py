"""Watermarks: up to which moment a board's live generation holds everything, and what was so at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from boardlift.ledger.store import Part


@dataclass(frozen=True)
class Watermark:
    """One board in one namespace of a destination.

    `at` is monday's time when the reading of `generation` began; `newest` the latest `updated_at` of an item, `items`
    the number of items and `events` the number of log events within the overlap before `at`, as monday gave them then;
    None is what it did not give. `basis` is a JSON text of what the rows were made by (`incremental.basis`).
    """

    board_id: str
    run_id: str
    generation: int
    at: datetime
    newest: datetime | None
    items: int | None
    events: int | None
    basis: str
    full_read_at: datetime
    swept_at: datetime


class Watermarks(Part):
    """The chapter of watermarks."""

    def watermarks(self, destination: str, namespace: str) -> dict[str, Watermark]:
        """The watermarks of a namespace by board id."""
        found = self._store.rows("list_watermarks", Watermark, destination=destination, namespace=namespace)
        return {mark.board_id: mark for mark in found}

    def set_watermarks(self, destination: str, namespace: str, marks: Sequence[Watermark]) -> None:
        """Move the watermarks of these boards, all or none. Call it when their generations are live, not before."""
        with self._store.transaction():
            for mark in marks:
                self._store.change("set_watermark", destination=destination, namespace=namespace, **asdict(mark))
