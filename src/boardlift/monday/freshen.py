"""What an interrupted run had sealed, brought up to date: items edited since are read again, newest edits first.

That order needs no filter, and costs one call for a quiet board (API page "Last updated"; see `docs/explanation`). Who
has left is not in it, and whether coming back is an edit is not known (FACTS 9): those that the board's log names are
asked for by id.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta

from boardlift.monday.by_id import Fate, pages_of
from boardlift.monday.chain import Chain
from boardlift.monday.hints import glance
from boardlift.monday.isolate import Unreadable
from boardlift.monday.queries import ItemsQuery
from boardlift.monday.span import Span, iso
from boardlift.spool.page import Page, item_number, updated_at
from boardlift.spool.run import SpoolRun
from boardlift.spool.window import WindowWriter

LAST_UPDATED = "__last_updated__"
NEWEST_FIRST = ItemsQuery("NewestItems", order=((LAST_UPDATED, "desc"),))
SAME = timedelta(seconds=5)
"""Monday tells its time in whole seconds, and by several clocks."""
OVERLAP = timedelta(minutes=5)
"""Two clocks and a log that lags: what was edited so long before is taken for edited after."""


def freshen(chain: Chain, spans: Sequence[Span], spool: SpoolRun, began_at: str, most: int) -> Set[int] | None:
    """Replace the items edited since in the sealed windows of a board, take out those that left, add those that came
    back. out: whom the log named; None when it cannot be told, or they are too many.

    in: a chain that asks for NEWEST_FIRST, the spans as they were left, `most` items to read again at most.
    """
    board_id = chain.board.id
    moment = datetime.fromisoformat(began_at) - OVERLAP
    since = iso(int(moment.timestamp()))
    edited: set[int] = set()
    writer = spool.window_writer(board_id)
    previous = ""
    try:
        while not chain.ended:
            items, answer = chain.next_page()
            times = [updated_at(item) for item in items]
            if "" in times or times != sorted(times, reverse=True) or (previous and times and times[0] > previous):
                return None
            fresh = [item for item, at in zip(items, times, strict=True) if at >= since]
            stale = [item for item in fresh if any(span.has_taken(item) for span in spans)]
            writer.add(Page(board_id, chain.pages, stale, None, 0, len(answer.body)))
            edited.update(map(item_number, stale))
            if len(edited) > most:
                return None
            if len(fresh) < len(items):
                break
            previous = times[-1] if times else previous
        # It is asked after the edits were read: of whoever leaves in between it tells twice rather than never.
        seen = glance(chain.client, {board_id: moment}).get(board_id)
        if seen is None or seen.doubt:
            return None
        named = seen.elsewhere()
        if len(named) > most or not _add_those_here(chain, named, edited, spans, writer):
            return None
        # Cells that cannot be read are known to this run alone: no other is to go on from here.
        states = [] if chain.errors.unreadable() else [span.state() for span in spans]
        spool.replace_items(board_id, edited | named, writer, states)
        return named
    finally:
        writer.abandon()


def _add_those_here(chain: Chain, ids: Set[int], edited: Set[int], spans: Sequence[Span], writer: WindowWriter) -> bool:
    """Add those of these items that are on the board where the spans have been, if they were not `edited` and so are
    there. False when cells cannot be read, or when one has left since it came among those edited."""
    unreadable: list[Unreadable] = []
    for page, standings in pages_of(chain.client, chain.board, chain.selection, ids, unreadable):
        if any(standing.fate is not Fate.HERE and standing.item in edited for standing in standings):
            return False
        others = [item for item in page.items if item_number(item) not in edited]
        writer.add(replace(page, items=[item for item in others if any(span.has_taken(item) for span in spans)]))
    return not unreadable
