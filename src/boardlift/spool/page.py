"""One page of items as it came, and what is read from an item before DuckDB does: id, creation time, order of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

import msgspec

from boardlift.errors import SourceUnavailable
from boardlift.spool.idsum import number

T = TypeVar("T")
_PREFIX = b'{"id":"'
_HEAD = 48
_CREATED = b'"created_at":"'
_UPDATED = b'"updated_at":"'
_TIMES_HEAD = 136


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
    created_at: str | None = None
    updated_at: str | None = None
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


def created_at(item: msgspec.Raw) -> str:
    """When an item was made, as `YYYY-MM-DDThh:mm:ssZ`, so that texts compare as times do; empty when it is not told.

    From the item's first bytes like its id; times come in whole seconds, in UTC (recorded). Falls back to reading it.
    """
    return _time_in_head(item, _CREATED) or _utc(_read(item).created_at)


def updated_at(item: msgspec.Raw) -> str:
    """When an item was changed last, in the same way."""
    return _time_in_head(item, _UPDATED) or _utc(_read(item).updated_at)


def _time_in_head(item: msgspec.Raw, key: bytes) -> str:
    head = bytes(memoryview(item)[:_TIMES_HEAD])
    start = head.find(key) + len(key)
    if start >= len(key) and head[start + 19 : start + 21] == b'Z"':
        return head[start : start + 20].decode("ascii", "replace")
    return ""


def _utc(text: str | None) -> str:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return ""
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def cell_order(item: msgspec.Raw) -> tuple[str, ...]:
    """The column ids of an item's cells, in the order they came; one tuple for all windows that have the same."""
    return _shared(tuple(cell.id for cell in _read(item).column_values or ()))


@lru_cache(maxsize=256)
def _shared(order: tuple[str, ...]) -> tuple[str, ...]:
    return order


def _read(item: msgspec.Raw) -> _Item:
    return decoded(_ITEM, item)


def decoded(decoder: msgspec.json.Decoder[T], item: msgspec.Raw) -> T:
    """What a decoder reads from an item. Raises SourceUnavailable for one that has another form."""
    try:
        return decoder.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceUnavailable(
            f"monday.com sent an item that cannot be read: {error}.", hint="run the command again"
        ) from error
