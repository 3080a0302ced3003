"""Single items, asked for by id wherever they are: what became of them, and all of what is still on the board."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from boardlift.errors import PermissionMissing, SourceIncomplete, SourceUnavailable
from boardlift.monday import queries
from boardlift.monday.boards import read_field
from boardlift.monday.client import MondayClient, NotReached
from boardlift.monday.codes import rule_of, sentence
from boardlift.monday.hints import moment
from boardlift.monday.isolate import MOST_AT_FAULT, Unreadable, isolate
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.monday.threads import in_threads
from boardlift.monday.wire import Answer
from boardlift.spool.page import Page, decoded
from boardlift.spool.run import SpoolRun
from boardlift.spool.window import Window

_CALLS_AT_ONCE = 8
T = TypeVar("T")


class Fate(Enum):
    """Where an item is."""

    HERE = "here"
    ARCHIVED = "archived"
    DELETED = "deleted"
    MOVED = "moved"  # to another board
    ABSENT = "absent"  # monday does not know it, or does not show it


@dataclass(frozen=True)
class Standing:
    """What became of an item; name and time of its last change are None where monday does not tell."""

    item: int
    fate: Fate
    name: str | None = None
    updated_at: datetime | None = None


class _Board(Struct):
    id: str = ""


class _Found(Struct):
    id: Annotated[str, Meta(pattern=r"^[0-9]{1,18}\Z")]
    name: str | None = None
    state: str | None = None
    updated_at: str | None = None
    board: _Board | None = None


@dataclass(frozen=True)
class Fetched:
    """Items asked for in full: the windows of those on the board with their times of change, and the others' fates.

    `unreadable` are cells that monday fails on; they are empty in their items.
    """

    windows: tuple[Window, ...]
    items: dict[int, datetime]
    gone: dict[int, Standing]
    unreadable: tuple[Unreadable, ...] = ()


def settle(client: MondayClient, board: BoardSummary, ids: Collection[int]) -> dict[int, Standing]:
    """What became of each of these items, a hundred a call; where monday fails on one of them, in halves.

    Raises SourceIncomplete when monday leaves an item out for another reason than that it has none such,
    SourceUnavailable when it fails on a single one.
    """
    found: dict[int, Standing] = {}

    def ask(chunk: Sequence[int]) -> list[Standing]:
        try:
            answer = client.send(queries.items_by_id(board.id, chunk), retries=_retries(client, chunk))
        except SourceUnavailable as error:
            if len(chunk) == 1 or not _of_items(error):
                raise
            middle = len(chunk) // 2
            return [*ask(chunk[:middle]), *ask(chunk[middle:])]
        members = [member for member in read_field(answer, "items", list[_Found | None]) or [] if member]
        return _with_absent(board, chunk, [_standing(member, board) for member in members], answer)

    for standings in _in_threads(ask, ids):
        found.update({standing.item: standing for standing in standings})
    return found


def fetch(
    client: MondayClient, board: BoardSummary, selection: Selection, spool: SpoolRun, ids: Collection[int]
) -> Fetched:
    """These items in full, as windows of the board's spool; those that are not on the board any more apart.

    Raises what `settle` raises.
    """
    windows: list[Window] = []
    items: dict[int, datetime] = {}
    gone: dict[int, Standing] = {}
    unreadable: list[Unreadable] = []
    for page, standings in pages_of(client, board, selection, ids, unreadable):
        for standing in standings:
            if standing.fate is not Fate.HERE:
                gone[standing.item] = standing
            elif standing.updated_at is None:
                raise SourceIncomplete(f"monday gave item {standing.item} of board {board.id} without its time.")
            else:
                items[standing.item] = standing.updated_at
        if page.items:
            writer = spool.window_writer(board.id)
            try:
                writer.add(page)
                windows.append(writer.seal())
            finally:
                writer.abandon()
    return Fetched(tuple(windows), items, gone, tuple(unreadable))


def pages_of(
    client: MondayClient,
    board: BoardSummary,
    selection: Selection,
    ids: Collection[int],
    unreadable: list[Unreadable],
) -> Iterator[tuple[Page, list[Standing]]]:
    """These items in full, up to a hundred at a time: those that are on the board, and what became of each.

    Cells that monday fails on are added to `unreadable`. Raises what `settle` raises.
    """

    def one_by_one(chunk: Sequence[int], error: SourceUnavailable) -> tuple[Page, list[Standing]]:
        here: list[msgspec.Raw] = []
        for raw, cells in isolate(client, board, selection, chunk, error):
            here.append(raw)
            unreadable.extend(cells)
            if len(unreadable) > MOST_AT_FAULT:
                raise error
        known = [_standing(decoded(_FOUND, raw), board) for raw in here]
        rest = settle(client, board, set(chunk) - {standing.item for standing in known})
        return Page(board.id, 1, here, None, 0, 0), [*known, *rest.values()]

    def ask(chunk: Sequence[int]) -> tuple[Page, list[Standing]]:
        try:
            answer = client.send(queries.items_by_id(board.id, chunk, selection), retries=_retries(client, chunk))
        except SourceUnavailable as error:
            if not _of_items(error):
                raise
            return one_by_one(chunk, error)
        members = read_field(answer, "items", list[msgspec.Raw]) or []
        known = [(raw, _standing(decoded(_FOUND, raw), board)) for raw in members if memoryview(raw)[0] != 0x6E]
        here = [raw for raw, standing in known if standing.fate is Fate.HERE]
        page = Page(board.id, 1, here, None, 0, len(answer.body), answer.request_id, answer.served_version)
        return page, _with_absent(board, chunk, [standing for _, standing in known], answer)

    yield from _in_threads(ask, ids)


_FOUND = msgspec.json.Decoder(_Found)


def _retries(client: MondayClient, chunk: Sequence[int]) -> int | None:
    """With several items there is something better to do than to try again and again."""
    return None if len(chunk) == 1 else min(1, client.retries)


def _of_items(error: SourceUnavailable) -> bool:
    """Whether monday may have failed on some of the items, rather than for everybody."""
    return not isinstance(error, NotReached) and error.retry_in is None


def _standing(found: _Found, board: BoardSummary) -> Standing:
    fates = {"deleted": Fate.DELETED, "archived": Fate.ARCHIVED}
    fate = fates.get(found.state or "active")
    if fate is None:
        fate = Fate.HERE if found.board is not None and found.board.id == board.id else Fate.MOVED
    return Standing(int(found.id), fate, found.name, moment(found.updated_at))


def _with_absent(board: BoardSummary, asked: Sequence[int], found: list[Standing], answer: Answer) -> list[Standing]:
    missing = set(asked) - {standing.item for standing in found}
    # An item on a board that the token may not see comes as an error: it is not here any more.
    if missing and any(rule_of(error).error is not PermissionMissing for error in answer.errors):
        raise SourceIncomplete(
            f"monday gave {len(missing)} of {len(asked)} items of board {board.id} ({board.name!r}) not, and said: "
            f"{sentence(answer.errors)}.",
            hint="run the command again; `--full` reads the whole board",
        )
    return [*found, *(Standing(item, Fate.ABSENT) for item in sorted(missing))]


def _in_threads(ask: Callable[[Sequence[int]], T], ids: Collection[int]) -> Iterator[T]:
    """The answers for a hundred ids at a time, several calls at once; on the first error no further call begins."""
    wanted = sorted(ids)
    chunks = [wanted[start : start + queries.IDS_AT_ONCE] for start in range(0, len(wanted), queries.IDS_AT_ONCE)]
    # A few at a time: answers are large, and somebody has to write them down.
    for start in range(0, len(chunks), _CALLS_AT_ONCE):
        yield from in_threads(ask, chunks[start : start + _CALLS_AT_ONCE], _CALLS_AT_ONCE)
