"""The sweep: the ids and change times of all items of a board, compared with its live table.

It costs as many calls as a full read and a small part of its points, and finds whatever no hint told of.
"""

from __future__ import annotations

from collections.abc import Sequence

from boardlift.errors import SourceError
from boardlift.incremental.changes import Changes, add, most_of
from boardlift.incremental.ids import comparing
from boardlift.incremental.tools import Tools
from boardlift.monday.blame import concerns_a_board
from boardlift.monday.by_id import Fate, settle
from boardlift.monday.parallel import read_in_parallel
from boardlift.monday.queries import Selection
from boardlift.monday.windows import BoardRead
from boardlift.spool.run import SpoolRun
from boardlift.words import count

THIN = Selection(column_ids=(), text=False, value=False)


def too_many(items: int, total: int) -> bool:
    """Whether so many items of a board had better not be asked for by id."""
    return items > most_of(total)


def sweep(tools: Tools, boards: Sequence[Changes]) -> dict[str, str]:
    """Compare all ids of these boards with their tables, and read what differs. out: the boards that had better be
    read in full, each with the reason."""
    tools.progress.phase("sweeping", count(len(boards), "board"))
    spool = SpoolRun.open(tools.spool.folder, "sweep", clock=tools.clock)
    complete: set[str] = set()
    reading = read_in_parallel(
        tools.client,
        [(each.plan.board, THIN) for each in boards],
        spool,
        manner=tools.manner,
        progress=tools.progress,
        dialect=tools.dialect,
    )
    with reading as events:
        complete.update(event.board_id for event in events if isinstance(event, BoardRead))
    refused = {}
    for each in boards:
        if each.plan.key not in complete:
            refused[each.plan.key] = "its sweep did not come to an end"
        elif reason := _compared(tools, each, spool):
            refused[each.plan.key] = reason
    return refused


def _compared(tools: Tools, found: Changes, spool: SpoolRun) -> str:
    try:
        return _compare(tools, found, spool)
    except SourceError as error:
        if not concerns_a_board(error):
            raise
        return error.message.rstrip(".")


def _compare(tools: Tools, found: Changes, spool: SpoolRun) -> str:
    windows = spool.windows(found.plan.key)
    table = found.resume.live.tables[0].name
    with comparing(spool.folder / "scratch", windows, tools.destination, table) as ids:
        # What was read in this run stands, whatever the sweep saw a moment later: the next run begins before that.
        read = found.items.keys()
        missing = set(ids.vanished()) - read - found.gone.keys()
        wanted = {*ids.appeared(), *ids.changed()} - read
        back = set(ids.present(found.gone.keys()))
        total = ids.count
    if len(wanted) + len(missing) > most_of(total):
        return f"its sweep found {len(wanted) + len(missing)} of {total} items to ask for, and a full read is cheaper"
    standings = settle(tools.client, found.plan.board, missing)
    found.gone.update({item: each for item, each in standings.items() if each.fate is not Fate.HERE})
    for item in back:
        del found.gone[item]
    add(tools, found, sorted(wanted | back | {item for item, each in standings.items() if each.fate is Fate.HERE}))
    found.look(tools)
    found.swept, found.unexplained = True, ""
    return ""
