"""What has happened to boards since a moment, asked for many boards in one call: counts, newest change, log events.

A board's log is eventually consistent, has gaps, and learns new event names every month (API page "Board activity
logs"), so it is never proof of anything: it says which items to ask about, and where it is not understood, that one
has to look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from boardlift.errors import PermissionMissing, QueryRejected, SourceUnavailable
from boardlift.monday import queries
from boardlift.monday.boards import read_field
from boardlift.monday.client import MondayClient, NotReached
from boardlift.monday.codes import is_too_complex
from boardlift.monday.wire import Answer

_BOARDS_AT_ONCE = 50
_APART = timedelta(hours=1)
"""Boards whose moments lie further apart are not asked together: all would tell their log since the oldest one."""
_LOG_PAGES = 3
_TICKS = 10_000_000
"""`created_at` of an event has 17 digits: ten millionths of a second since 1970."""

_ON_ITEMS = frozenset({"update_column_value", "update_name", "change_column_value", "change_name"})
_ON_BOARDS = (
    *("board_view_", "subscribe", "unsubscribe", "add_owner", "remove_owner", "update_board", "board_connect"),
    *("board_disconnect", "create_column", "update_column_name", "delete_column", "archive_column", "update_column_"),
    *("create_group", "update_group_name", "update_group_", "change_group_", "board_viewed", "create_update"),
)
"""How the names of events begin that leave the items of the board as they are; columns are compared by themselves."""
_CREATED = "create_pulse"
_AWAY = ("delete_pulse", "archive_pulse", "move_pulse_from_board", "batch_delete_pulses", "batch_archive_pulses")
"""Events whose items are most probably not on the board any more."""
_ONE = ("pulse_id", "item_id", "pulseId", "itemId")
_MANY = ("pulse_ids", "item_ids", "pulseIds", "itemIds", "pulses", "items")


class _Event(Struct):
    event: str | None = None
    entity: str | None = None
    data: str | None = None
    created_at: str | None = None


class _Newest(Struct):
    id: str
    updated_at: str | None = None


class _Items(Struct):
    items: list[_Newest | None] | None = None


class _Glanced(Struct):
    id: str
    items_count: int | None = None
    items_page: _Items | None = None
    activity_logs: list[_Event | None] | None = None


class _Log(Struct):
    id: str
    activity_logs: list[_Event | None] | None = None


@dataclass(frozen=True)
class LogEvent:
    """One event of a board's log: its name, the items it names, and when it happened (None when that is unreadable)."""

    name: str
    items: tuple[int, ...]
    at: datetime | None


@dataclass(frozen=True)
class Glance:
    """A board as it stands: how many items, when the newest of them changed, and the events of its log since a moment.

    `complete` tells that these are all events monday knows of.
    """

    board_id: str
    items_count: int | None
    newest: datetime | None
    events: tuple[LogEvent, ...]
    complete: bool

    def events_since(self, moment: datetime) -> int | None:
        """How many events there are since then; None when not all are known, or one has no time."""
        if not self.complete or any(event.at is None for event in self.events):
            return None
        return sum(event.at is not None and event.at >= moment for event in self.events)

    @property
    def mentioned(self) -> frozenset[int]:
        """The items that an event names which may have changed them or taken them away."""
        return frozenset(item for event in self.events if not _is_on_board(event.name) for item in event.items)

    @property
    def moves(self) -> tuple[LogEvent, ...]:
        """The events by which items may have come to the board or left it."""
        return tuple(event for event in self.events if event.name not in _ON_ITEMS and not _is_on_board(event.name))

    @property
    def moved(self) -> frozenset[int]:
        """The items mentioned that may have come to the board or left it."""
        return frozenset(item for event in self.moves for item in event.items)

    def elsewhere(self, until: datetime | None = None) -> frozenset[int]:
        """Those of them that may have left the board, or come to it with a creation time of long ago, `until` then."""
        known = (event for event in self.moves if until is None or event.at is None or event.at <= until)
        return frozenset(item for event in known if event.name != _CREATED for item in event.items)

    @property
    def taken_away(self) -> frozenset[int]:
        """Those of the items mentioned that have probably left the board: a guess at how many there are to be read."""
        return frozenset(item for event in self.events if event.name.startswith(_AWAY) for item in event.items)

    @property
    def doubt(self) -> str:
        """Why the log does not explain what happened to the items; empty when it may."""
        if not self.complete:
            return "its log has more events than monday gives at once"
        for event in self.events:
            if not event.items and not _is_on_board(event.name):
                known = event.name in _ON_ITEMS or "pulse" in event.name
                told = "names no item" if known else "is not known"
                return f"its log holds an event that {told} ({event.name or 'without a name'})"
            if event.items and not _is_on_items(event.name):
                return f"its log holds an event that is not known ({event.name})"
        return ""


def glance(client: MondayClient, since: Mapping[str, datetime]) -> dict[str, Glance]:
    """How these boards stand; `since` is the moment from which each one's log is wanted. Boards not given are left out.

    One call for fifty boards, and more for a board with a long log.
    """
    found: dict[str, Glance] = {}
    for chunk in _chunks(since):
        earliest = min(since[board_id] for board_id in chunk)
        events = max(100, queries.EVENTS_LIMIT // len(chunk))
        for answer in _send_split(client, chunk, earliest, events):
            for board in read_field(answer, "boards", list[_Glanced | None]) or []:
                if board is not None and board.id in since:
                    found[board.id] = _read(client, board, since[board.id], events)
    return found


def _chunks(since: Mapping[str, datetime]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for board_id in sorted(since, key=lambda each: since[each]):
        if chunk and (len(chunk) == _BOARDS_AT_ONCE or since[board_id] - since[chunk[0]] > _APART):
            yield chunk
            chunk = []
        chunk.append(board_id)
    if chunk:
        yield chunk


def _send_split(
    client: MondayClient, ids: Sequence[str], since: datetime, events: int, *, taken: bool = False
) -> Iterator[Answer]:
    """The answer for a chunk; if monday fails inside, those for its halves. A board that fails alone is left out, and
    so are all when monday does not take the question, which it is asked of two of them to find out. `taken`: it does.
    """
    try:
        # With several boards there is something better to do than to try again and again.
        retries = None if len(ids) == 1 else min(1, client.retries)
        answer: Answer | None = client.send(queries.glance(ids, _iso(since), events), retries=retries)
    except NotReached:
        raise
    except QueryRejected as error:
        answer = None
        if not taken and len(ids) > 1 and not is_too_complex(error):
            for alone, others in ((ids[:1], ids[1:]), (ids[-1:], ids[1:-1])):
                if answers := list(_send_split(client, alone, since, events)):
                    yield from answers
                    if others:
                        yield from _send_split(client, others, since, events, taken=True)
                    return
            return
    except (SourceUnavailable, PermissionMissing):
        answer = None
    if answer is not None:
        yield answer
    elif len(ids) > 1:
        middle = len(ids) // 2
        yield from _send_split(client, ids[:middle], since, events, taken=taken)
        yield from _send_split(client, ids[middle:], since, events, taken=taken)


def _read(client: MondayClient, board: _Glanced, since: datetime, limit: int) -> Glance:
    logged = board.activity_logs
    complete = logged is not None
    events = list(logged or ())
    if len(events) >= limit:
        events, complete = _whole_log(client, board.id, since)
    first = next((item for item in (board.items_page.items if board.items_page else None) or () if item), None)
    read = (_event(each) for each in events if each is not None)
    return Glance(
        board_id=board.id,
        items_count=board.items_count,
        newest=moment(first.updated_at) if first else None,
        events=tuple(event for event in read if event.at is None or event.at >= since),
        complete=complete,
    )


def _whole_log(client: MondayClient, board_id: str, since: datetime) -> tuple[list[_Event | None], bool]:
    """The log page by page, as far as that pays; whether that was all."""
    events: list[_Event | None] = []
    for page in range(1, _LOG_PAGES + 1):
        try:
            answer = client.send(queries.board_log(board_id, _iso(since), queries.EVENTS_LIMIT, page))
        except NotReached:
            raise
        except (QueryRejected, SourceUnavailable, PermissionMissing) as error:
            if getattr(error, "retry_in", None) is not None:
                raise
            return events, False
        boards = read_field(answer, "boards", list[_Log | None]) or []
        found = boards[0].activity_logs if boards and boards[0] else None
        if found is None:
            return events, False
        events += found
        if len(found) < queries.EVENTS_LIMIT:
            return events, True
    return events, False


def _event(wire: _Event) -> LogEvent:
    return LogEvent(wire.event or "", _items(wire.data), _event_time(wire.created_at))


def _event_time(text: str | None) -> datetime | None:
    if text is None or not text.isdigit() or len(text) != 17:
        return None
    return datetime.fromtimestamp(int(text) / _TICKS, UTC)


def _items(data: str | None) -> tuple[int, ...]:
    """The items that the data of an event names; its keys differ from event to event."""
    try:
        told = msgspec.json.decode(data or "null")
    except (msgspec.DecodeError, RecursionError):
        return ()
    if not isinstance(told, dict):
        return ()
    found = [_number(told.get(key)) for key in _ONE]
    for key in _MANY:
        members = told.get(key)
        for member in members if isinstance(members, list) else ():
            inner = (
                member if not isinstance(member, dict) else next((member[k] for k in (*_ONE, "id") if k in member), 0)
            )
            found.append(_number(inner))
    return tuple(dict.fromkeys(number for number in found if number))


def _number(value: object) -> int:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isdigit() and len(text) <= 18 else 0


def _is_on_board(name: str) -> bool:
    return name not in _ON_ITEMS and name.startswith(_ON_BOARDS)


def _is_on_items(name: str) -> bool:
    return name in _ON_ITEMS or "pulse" in name or name.startswith(("batch_", *_ON_BOARDS))


def moment(text: str | None) -> datetime | None:
    """A time as items carry it; None for anything else."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
