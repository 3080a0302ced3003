"""A page that monday fails on although it is small: items and cells at fault are found and set apart.

monday answers an internal error for a whole page when it fails on one item or one cell of it. The page is asked for
without cells, then its items by id, in halves, until what fails is a single item; then that item's columns, in halves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from boardlift.errors import QueryRejected, SourceUnavailable
from boardlift.monday import queries
from boardlift.monday.boards import read_field
from boardlift.monday.client import MondayClient, NotReached
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection

MOST_AT_FAULT = 50
"""With more than so many cells at fault on a board, it is monday that is at fault, and the run says so."""


@dataclass(frozen=True)
class Unreadable:
    """A cell that monday does not give, whatever is asked beside it. `reason` is what it says."""

    item: int
    column: str
    reason: str


@dataclass
class _Parts:
    """An item put together from what could be read of it."""

    head: dict[str, msgspec.Raw] = field(default_factory=dict)
    cells: list[msgspec.Raw] = field(default_factory=list)


class _Board(msgspec.Struct):
    id: str = ""


class _Where(msgspec.Struct):
    state: str | None = None
    board: _Board | None = None


class _Cells(msgspec.Struct):
    column_values: list[msgspec.Raw] = []


def isolate(
    client: MondayClient, board: BoardSummary, selection: Selection, ids: Sequence[int], error: Exception
) -> Iterator[tuple[msgspec.Raw, list[Unreadable]]]:
    """Each of these items as far as it can be read, with the cells that cannot; items no longer there are left out.

    Raises `error`, with which the page failed, when an item cannot be read even without its cells.
    """
    if not ids:
        return
    found = _ask(client, board, selection, ids, 0)
    if found is not None:
        yield from ((item, []) for item in found)
    elif len(ids) > 1:
        middle = len(ids) // 2
        yield from isolate(client, board, selection, ids[:middle], error)
        yield from isolate(client, board, selection, ids[middle:], error)
    else:
        yield from _one(client, board, selection, ids[0], error)


def _one(
    client: MondayClient, board: BoardSummary, selection: Selection, item: int, error: Exception
) -> Iterator[tuple[msgspec.Raw, list[Unreadable]]]:
    bare = _ask(client, board, replace(selection, column_ids=()), [item], client.retries)
    if bare is None:
        raise error
    if not bare:
        return
    parts = _Parts(head=msgspec.json.decode(bare[0], type=dict[str, msgspec.Raw]))
    failed: list[Unreadable] = []
    if not _columns(client, board, selection, item, parts, failed):
        return
    parts.head["column_values"] = msgspec.Raw(b"[" + b",".join(parts.cells) + b"]")
    yield msgspec.Raw(msgspec.json.encode(parts.head)), failed


def _columns(
    client: MondayClient,
    board: BoardSummary,
    selection: Selection,
    item: int,
    parts: _Parts,
    failed: list[Unreadable],
) -> bool:
    """The cells of one item that can be read, and those that cannot. False when it has left the board meanwhile."""
    columns = selection.column_ids
    # A single cell is not called unreadable because of one moment's failure.
    retries = client.retries if len(columns) == 1 else 0
    try:
        found = _ask_or_raise(client, board, selection, [item], retries)
    except (QueryRejected, SourceUnavailable) as error:
        if isinstance(error, NotReached) or getattr(error, "retry_in", None) is not None:
            raise
        if len(columns) == 1:
            failed.append(Unreadable(item, columns[0], error.message))
            return True
        middle = len(columns) // 2
        return all(
            _columns(client, board, replace(selection, column_ids=half), item, parts, failed)
            for half in (columns[:middle], columns[middle:])
        )
    for each in found:
        parts.cells += msgspec.json.decode(each, type=_Cells).column_values
    return bool(found)


def _ask(
    client: MondayClient, board: BoardSummary, selection: Selection, ids: Sequence[int], retries: int
) -> list[msgspec.Raw] | None:
    """These items, None when monday fails on them."""
    try:
        return _ask_or_raise(client, board, selection, ids, retries)
    except NotReached:
        raise
    except (QueryRejected, SourceUnavailable) as error:
        if getattr(error, "retry_in", None) is not None:
            raise
        return None


def _ask_or_raise(
    client: MondayClient, board: BoardSummary, selection: Selection, ids: Sequence[int], retries: int
) -> list[msgspec.Raw]:
    request = queries.items_by_id(board.id, ids, selection, all_levels=board.is_multi_level)
    answer = client.send(request, retries=retries)
    items = read_field(answer, "items", list[msgspec.Raw]) or []
    if answer.errors and len(items) < len(ids):
        raise SourceUnavailable(answer.errors[0].message)
    present = [item for item in items if memoryview(item)[0] != 0x6E]
    return [item for item in present if _is_here(item, board)]


def _is_here(item: msgspec.Raw, board: BoardSummary) -> bool:
    """Whether the item is still active on this board; by id monday also gives what was archived, deleted or moved."""
    where = msgspec.json.decode(item, type=_Where)
    return (where.state or "active") == "active" and (where.board is None or where.board.id == board.id)
