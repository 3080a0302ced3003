"""Account, board list, board shapes and counts: what is known before the first item is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Struct

from boardlift.errors import ApiError, PermissionMissing, QueryRejected, SourceUnavailable
from boardlift.monday import queries
from boardlift.monday.client import MondayClient, NotReached
from boardlift.monday.codes import sentence
from boardlift.monday.model import (
    Account,
    Board,
    BoardColumn,
    BoardCount,
    BoardSummary,
    Group,
    Tag,
    Workspace,
    settings_of,
)
from boardlift.monday.threads import in_threads
from boardlift.monday.wire import Answer

T = TypeVar("T")
_NULL = msgspec.Raw(b"null")


@dataclass(frozen=True)
class Boards:
    """Boards in the order asked, and the ids for which none was given, with what monday said about it."""

    boards: tuple[Board, ...]
    missing: tuple[str, ...] = ()
    errors: tuple[ApiError, ...] = ()

    def all(self) -> tuple[Board, ...]:
        """The boards, when none is missing. Raises PermissionMissing naming those that are."""
        if self.missing:
            said = f" monday.com said: {sentence(self.errors)}." if self.errors else ""
            which = f"board {self.missing[0]}" if len(self.missing) == 1 else f"boards {', '.join(self.missing)}"
            raise PermissionMissing(
                f"The token cannot see {which}, or there is no such board.{said}",
                hint="`boardlift boards` lists what the token can see; share the board with the token's user",
            )
        return self.boards


class _Plan(Struct):
    tier: str | None = None


class _AccountWire(Struct):
    id: str = ""
    name: str | None = None
    slug: str | None = None
    tier: str | None = None
    plan: _Plan | None = None


class _Me(Struct):
    id: str = ""
    name: str | None = None
    email: str | None = None
    time_zone_identifier: str | None = None


class _Version(Struct):
    value: str = ""


class _SummaryWire(Struct, kw_only=True):
    id: str
    name: str | None = None
    type: str | None = None
    state: str | None = None
    board_kind: str | None = None
    hierarchy_type: str | None = None
    items_count: int | None = None
    updated_at: str | None = None
    workspace: Workspace | None = None
    workspace_id: str | None = None


class _ColumnWire(Struct, kw_only=True):
    id: str
    title: str | None = None
    type: str | None = None
    description: str | None = None
    archived: bool | None = None
    settings: object = None
    settings_str: object = None


class _GroupWire(Struct, kw_only=True):
    id: str
    title: str | None = None
    color: str | None = None
    position: str | int | float | None = None
    archived: bool | None = None


class _BoardWire(_SummaryWire, kw_only=True):
    columns: list[_ColumnWire | None] | None = None
    groups: list[_GroupWire | None] | None = None
    tags: list[Tag | None] | None = None


def read_account(client: MondayClient) -> Account:
    """Whose token this is, and in which version answers come. Raises what `client.send` raises."""
    answer = client.send(queries.account())
    account = read_field(answer, "account", _AccountWire) or _AccountWire()
    me = read_field(answer, "me", _Me) or _Me()
    version = read_field(answer, "version", _Version) or _Version()
    return Account(
        id=account.id,
        name=account.name or "",
        slug=account.slug or "",
        tier=(account.plan.tier if account.plan else None) or account.tier or "",
        user_id=me.id,
        user_name=me.name or "",
        user_email=me.email or "",
        time_zone=me.time_zone_identifier or "",
        version=version.value or answer.served_version,
    )


class _DailyLimit(Struct):
    total: int | None = None


class _PlatformApi(Struct):
    daily_limit: _DailyLimit | None = None


@dataclass(frozen=True)
class Opening:
    """What a reader asks first: whose account this is (its id and plan tier), its calls a day where monday tells them,
    and the first page of the list of boards, for `list_boards` to go on from."""

    account: Account
    calls_per_day: int | None = None
    listed: Answer | None = None


def read_opening(client: MondayClient) -> Opening:
    """The opening, in one call where the token may ask for all of it. Raises what `client.send` raises."""
    # Where monday fails on a board of the list, the plan is still to be had.
    for request in (queries.opening(), queries.daily_limit()):
        try:
            answer = client.send(request, retries=0)
        except NotReached:
            raise
        except SourceUnavailable:
            continue
        except (PermissionMissing, QueryRejected):
            break
        return _opening(answer)
    return Opening(read_account(client))


def _opening(answer: Answer) -> Opening:
    account = read_field(answer, "account", _AccountWire) or _AccountWire()
    api = read_field(answer, "platform_api", _PlatformApi) or _PlatformApi()
    tier = (account.plan.tier if account.plan else None) or account.tier or ""
    day = api.daily_limit.total if api.daily_limit else None
    return Opening(Account(id=account.id, tier=tier), day, answer if "boards" in answer.data else None)


def list_boards(client: MondayClient, first: Answer | None = None) -> list[BoardSummary]:
    """All active boards the token sees, subitem boards and documents included: their `type` tells.

    Pages by number until a short page, from the second if an answer with the `first` is at hand. Boards made meanwhile
    push others to the next page; each is kept once.
    """
    found: dict[str, BoardSummary] = {}
    plain = False
    answer, page = first, 1
    while True:
        if answer is None:
            answer, plain = _list_page(client, page, plain)
        members = read_field(answer, "boards", list[_SummaryWire | None]) or []
        for member in members:
            if member:
                found.setdefault(member.id, _summary(member))
        if len(members) < queries.BOARDS_LIMIT:
            return list(found.values())
        answer, page = None, page + 1


def _list_page(client: MondayClient, page: int, plain: bool) -> tuple[Answer, bool]:
    """One page; when monday fails inside, again without workspaces, which boards made from templates may break on."""
    try:
        return client.send(queries.board_list(page, plain=plain)), plain
    except NotReached:
        raise
    except SourceUnavailable:
        if plain:
            raise
    return client.send(queries.board_list(page, plain=True)), True


def read_boards(client: MondayClient, ids: Sequence[str]) -> list[Board]:
    """The shapes of these boards, in the order asked. Raises PermissionMissing naming those that were not given."""
    return list(read_visible_boards(client, ids).all())


def read_visible_boards(client: MondayClient, ids: Sequence[str]) -> Boards:
    """The shapes of those of these boards that monday gives, a chunk a call, and the ids of those it does not.

    One board monday fails on does not take its neighbours with it.
    """
    wanted = list(dict.fromkeys(ids))
    found: dict[str, Board] = {}
    errors: list[ApiError] = []
    chunks = list(_chunks(wanted, queries.SHAPES_AT_ONCE))
    for answers in in_threads(lambda chunk: list(_send_split(client, chunk)), chunks, client.budget.usable):
        for answer in answers:
            errors.extend(answer.errors)
            for member in read_field(answer, "boards", list[_BoardWire | None]) or []:
                if member:
                    found[member.id] = _board(member)
    return Boards(
        boards=tuple(found[board_id] for board_id in wanted if board_id in found),
        missing=tuple(board_id for board_id in wanted if board_id not in found),
        errors=tuple(errors),
    )


def _send_split(client: MondayClient, ids: Sequence[str]) -> Iterator[Answer]:
    """The shapes of a chunk; if monday fails inside, of its halves, so that the board at fault stands alone."""
    try:
        answer: Answer | None = client.send(queries.board_shapes(ids))
    except NotReached:
        raise
    except PermissionMissing as error:
        answer = Answer(b"", {}, errors=(ApiError(error.message),)) if len(ids) == 1 else None
    except SourceUnavailable:
        if len(ids) == 1:
            raise
        answer = None
    if answer is not None:
        yield answer
        return
    middle = len(ids) // 2
    yield from _send_split(client, ids[:middle])
    yield from _send_split(client, ids[middle:])


def read_counts(client: MondayClient, ids: Sequence[str]) -> list[BoardCount]:
    """How many items monday counts on each board now, and its columns now. Boards not given are left out."""
    found: dict[str, BoardCount] = {}
    chunks = list(_chunks(list(dict.fromkeys(ids)), queries.COUNTS_AT_ONCE))
    for answer in in_threads(lambda chunk: client.send(queries.board_counts(chunk)), chunks, client.budget.usable):
        for member in read_field(answer, "boards", list[BoardCount | None]) or []:
            if member:
                found[member.id] = member
    return list(found.values())


def read_field(answer: Answer, name: str, shape: type[T]) -> T | None:
    """One field of an answer as `shape`, None for null. Raises SourceUnavailable when it has another form."""
    raw = answer.data.get(name, _NULL)
    if bytes(memoryview(raw)[:5]) == b"null":
        return None
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceUnavailable(
            f"monday.com answered `{name}` in a form its schema does not have: {error} (request {answer.request_id}).",
            hint="run `boardlift doctor`; if the API version is right, please report this",
        ) from error


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _title(text: str | None) -> str:
    """A title without U+0000, which no SQL name, literal or comment can hold, nor any command line."""
    return (text or "").replace("\0", "")


def _summary(wire: _SummaryWire) -> BoardSummary:
    return BoardSummary(
        id=wire.id,
        name=_title(wire.name),
        type=wire.type or "board",
        state=wire.state or "active",
        board_kind=wire.board_kind or "",
        hierarchy_type=wire.hierarchy_type or "",
        items_count=wire.items_count,
        updated_at=wire.updated_at,
        workspace=wire.workspace or Workspace(wire.workspace_id),
    )


def _board(wire: _BoardWire) -> Board:
    groups = [
        Group(
            id=group.id,
            title=_title(group.title),
            color=group.color or "",
            position=str(group.position if group.position is not None else 0),
            archived=bool(group.archived),
        )
        for group in wire.groups or ()
        if group
    ]
    return Board(
        **msgspec.structs.asdict(_summary(wire)),
        columns=tuple(_column(column) for column in wire.columns or () if column),
        groups=tuple(sorted(groups, key=lambda group: group.rank)),
        tags=tuple(tag for tag in wire.tags or () if tag),
    )


def _column(wire: _ColumnWire) -> BoardColumn:
    return BoardColumn(
        id=wire.id,
        title=_title(wire.title),
        type=wire.type or "",
        description=wire.description,
        archived=bool(wire.archived),
        settings=settings_of(wire.settings, wire.settings_str),
    )
