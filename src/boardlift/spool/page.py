"""One page of items as it came, and the two things that are read from an item before DuckDB does: its id, its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from boardlift.errors import SourceUnavailable
from boardlift.spool.idsum import number

_PREFIX = b'{"id":"'
_HEAD = 48


@dataclass(frozen=True)
class Page:
    """One page of one board. `items` are slices of the answer's own bytes; `nbytes` is the size of the whole answer."""

    board_id: str
    number: int
    items: Sequence[msgspec.Raw]
    cursor: str | None
    points: int
    nbytes: int
    request_id: str = ""
    served_version: str = ""


class _Cell(msgspec.Struct):
    id: str = ""


class _Item(msgspec.Struct):
    id: str | int
    column_values: list[_Cell] | None = None


_ITEM = msgspec.json.Decoder(_Item)


def item_number(item: msgspec.Raw) -> int:
    """The id of an item, from its first bytes: our queries ask `id` first, and an answer keeps the order asked.

    Falls back to reading the item. Raises SourceUnavailable for an item without an id, SourceError for an odd one.
    """
    head = bytes(memoryview(item)[:_HEAD])
    if head.startswith(_PREFIX):
        end = head.find(b'"', len(_PREFIX))
        if end > 0:
            return number(head[len(_PREFIX) : end])
    return number(str(_read(item).id).encode())


def cell_order(item: msgspec.Raw) -> tuple[str, ...]:
    """The column ids of an item's cells, in the order they came."""
    return tuple(cell.id for cell in _read(item).column_values or ())


def _read(item: msgspec.Raw) -> _Item:
    try:
        return _ITEM.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceUnavailable(
            f"monday.com sent an item that cannot be read: {error}.", hint="run the command again"
        ) from error
