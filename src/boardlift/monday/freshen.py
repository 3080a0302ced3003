"""What an interrupted run had sealed, brought up to date: items edited since are read again, newest edits first.

That order needs no filter, and costs one call for a quiet board (API page "Last updated"; see `docs/explanation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from boardlift.monday.chain import Chain
from boardlift.monday.queries import ItemsQuery
from boardlift.monday.span import Span, iso
from boardlift.spool.page import Page, item_number, updated_at
from boardlift.spool.run import SpoolRun

LAST_UPDATED = "__last_updated__"
NEWEST_FIRST = ItemsQuery("NewestItems", order=((LAST_UPDATED, "desc"),))
OVERLAP = timedelta(minutes=5)
"""Two clocks and a log that lags: what was edited so long before is taken for edited after."""


def freshen(chain: Chain, spans: Sequence[Span], spool: SpoolRun, began_at: str, most: int) -> bool:
    """Replace the items edited since in the sealed windows of a board. False when they cannot be told, or are too many.

    in: a chain that asks for NEWEST_FIRST, the spans as they were left, `most` items to read again at most.
    """
    board_id = chain.board.id
    since = iso(int((datetime.fromisoformat(began_at) - OVERLAP).timestamp()))
    edited: set[int] = set()
    writer = spool.window_writer(board_id)
    previous = ""
    try:
        while not chain.ended:
            items, answer = chain.next_page()
            times = [updated_at(item) for item in items]
            if "" in times or times != sorted(times, reverse=True) or (previous and times and times[0] > previous):
                return False
            fresh = [item for item, at in zip(items, times, strict=True) if at >= since]
            stale = [item for item in fresh if any(span.has_taken(item) for span in spans)]
            writer.add(Page(board_id, chain.pages, stale, None, 0, len(answer.body)))
            edited.update(map(item_number, stale))
            if len(edited) > most:
                return False
            if len(fresh) < len(items):
                break
            previous = times[-1] if times else previous
        # Cells that cannot be read are known to this run alone: no other is to go on from here.
        states = [] if chain.errors.unreadable() else [span.state() for span in spans]
        spool.replace_items(board_id, edited, writer, states)
        return True
    finally:
        writer.abandon()
