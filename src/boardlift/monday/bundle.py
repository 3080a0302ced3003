"""Small boards, several in one call: where a board fills a fraction of a page, the call is what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from boardlift.errors import SourceError
from boardlift.monday import queries
from boardlift.monday.blame import concerns_a_board
from boardlift.monday.boards import read_field
from boardlift.monday.chain import BoardPage, FirstPage, ItemsPage, present
from boardlift.monday.client import CallStats, MondayClient
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.monday.reading import BoardReading
from boardlift.monday.wire import Answer

SMALL_BOARD = 100
"""Boards of up to so many items share a call; each must fit whole into its part of the answer."""
BOARDS_AT_ONCE = 10
CELLS_AT_ONCE = 20_000
"""As many as a page of 500 items of a board of 40 columns: an answer of a size that single pages have as well."""

Wanted = tuple[BoardSummary, Selection]


def bundles(boards: Sequence[Wanted], *, limit: int | None) -> list[list[Wanted]]:
    """The boards, largest first, each alone or with other small ones. Test mode, which has a limit, bundles nothing."""
    ordered = sorted(boards, key=lambda pair: pair[0].items_count or 0, reverse=True)
    made: list[list[Wanted]] = []
    cells = 0
    for board, selection in ordered:
        cost = (board.items_count or 0) * max(1, len(selection.column_ids))
        small = limit is None and _is_small(board)
        if small and made and _is_open(made[-1]) and cells + cost <= CELLS_AT_ONCE:
            made[-1].append((board, selection))
            cells += cost
        else:
            made.append([(board, selection)])
            cells = cost
    return made


def _is_small(board: BoardSummary) -> bool:
    return board.items_count is not None and board.items_count <= SMALL_BOARD and not board.is_multi_level


def _is_open(bundle: list[Wanted]) -> bool:
    return len(bundle) < BOARDS_AT_ONCE and _is_small(bundle[0][0])


def read_first_pages(
    client: MondayClient, readings: Sequence[BoardReading], page_size: int
) -> Iterator[tuple[BoardReading, FirstPage | None]]:
    """Ask for the first pages of these boards in one call, in several where a minute's points do not suffice for one.
    None for each board that has to be asked for alone.

    Raises what `client.send` raises, except for failures that one of these boards may be the cause of.
    """
    started = client.clock.monotonic()
    wanted = [(each.board.id, each.selection, each.board.items_count or 0) for each in readings]
    request = queries.bundled_items(wanted, page_size)
    if request.points > client.budget.snapshot().points_minute:
        if len(readings) == 1:
            yield readings[0], None
            return
        middle = len(readings) // 2
        yield from read_first_pages(client, readings[:middle], page_size)
        yield from read_first_pages(client, readings[middle:], page_size)
        return
    try:
        answer = client.send(request, retries=min(1, client.retries))
    except SourceError as error:
        if not concerns_a_board(error):
            raise
        yield from ((reading, None) for reading in readings)
        return
    seconds = client.clock.monotonic() - started
    pages = [_page_of(answer, number) for number in range(len(readings))]
    # An error beside the data may speak of any of them; which one is found out by asking again, one by one.
    usable = not answer.errors and all(page is not None for page in pages)
    # What the answer cost is shared by objects: the board and its page, each item, its group, and its cells.
    weights = [
        2 + len(page.items if page else ()) * (2 + len(reading.selection.column_ids))
        for reading, page in zip(readings, pages, strict=True)
    ]
    points = answer.complexity.query if answer.complexity else 0
    for reading, page, weight in zip(readings, pages, weights, strict=True):
        if page is None or not usable:
            yield reading, None
            continue
        share = weight / sum(weights)
        cost = CallStats(calls=1, points=round(points * share), bytes=round(len(answer.body) * share))
        yield reading, FirstPage(ItemsPage(present(page.items), page.cursor), answer, cost, seconds)


def _page_of(answer: Answer, number: int) -> ItemsPage | None:
    boards = read_field(answer, f"b{number}", list[BoardPage | None]) or []
    return boards[0].items_page if boards and boards[0] else None
