"""The items of one board, page by page, into sealed windows: by one thread. `parallel` reads many boards with several.

A cursor lives 60 minutes from the first page of its chain (API page "Items page"), so pages go to disk as they come and
whoever loads them never holds up the reading.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from boardlift.monday import queries
from boardlift.monday.client import MondayClient
from boardlift.monday.events import BoardRead, Event, Restarted
from boardlift.monday.model import BoardSummary
from boardlift.monday.part import Part
from boardlift.monday.queries import Selection
from boardlift.monday.reading import BoardReading
from boardlift.progress import Progress, Silent
from boardlift.spool.run import SpoolRun

__all__ = ["BoardRead", "Event", "Restarted", "read_board"]


def read_board(
    client: MondayClient,
    board: BoardSummary,
    selection: Selection,
    spool: SpoolRun,
    *,
    limit: int | None = None,
    page_size: int = queries.PAGE_LIMIT,
    pages_per_window: int = 4,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Read one board to its last page, or to `limit` items, yielding each window once it is sealed.

    Ends with BoardRead, unless `stop` is set: then it ends early without one. A board without items yields no window.
    raised: PermissionMissing when monday does not give the board, CursorExpired after too many restarts,
    SourceIncomplete for a chain of pages that leads nowhere, and what `client.send` raises.
    """
    reading = BoardReading(
        client,
        board,
        selection,
        spool,
        limit=limit,
        page_size=page_size,
        pages_per_window=pages_per_window,
        progress=progress or Silent(),
        stop=stop or threading.Event(),
    )
    sealed, first = reading.begin()
    yield from sealed
    part: Part | None = first
    while part is not None:
        yield from reading.run(part)
        part = reading.next()
