"""The end of a board: entered as complete in the manifest, and told with what reading it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boardlift.monday.events import BoardRead

if TYPE_CHECKING:
    from boardlift.monday.reading import BoardReading


def certify(reading: BoardReading) -> BoardRead:
    """Enter the board as complete in the manifest. Its last page was read, and all of it is sealed."""
    board_id = reading.board.id
    cost = reading.client.stats(board_id) + reading.booked
    windows = reading.spool.windows(board_id)
    read = BoardRead(
        board_id=board_id,
        items=reading.taken,
        id_sum=sum(window.id_sum for window in windows),
        pages=reading.pages,
        windows=len(windows),
        calls=cost.calls - reading.before.calls,
        points=cost.points - reading.before.points,
        nbytes=cost.bytes - reading.before.bytes,
        retries=cost.retries - reading.before.retries,
        waited_seconds=cost.waited_seconds - reading.before.waited_seconds,
        restarts=reading.restarts,
        page_size=reading.size.now,
        expected=reading.board.items_count,
        limited=reading.limited,
        served_version=reading.served,
        errors=reading.errors.all(),
        unreadable=reading.errors.unreadable(),
        chains=reading.chains,
        resumed=reading.resumed,
    )
    reading.spool.finish(
        board_id,
        limited=read.limited,
        calls=read.calls,
        points=read.points,
        retries=read.retries,
        waited_seconds=read.waited_seconds,
        errors=[str(error) for error in read.errors],
    )
    return read
