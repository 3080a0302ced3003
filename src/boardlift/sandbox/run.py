"""One execution of a compiled query: what it has counted, what went wrong, and how pages of items become JSON.

Items are rendered column by column: a field of a page is a list of strings, and the page is the lists zipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, cast

from .board import Board, Group
from .column import Column
from .compile import Field, Selection, encode
from .fault import Fault
from .kinds import Cell
from .kinds.base import iso_z
from .options import SandboxOptions
from .problems import FieldError

if TYPE_CHECKING:
    from .account import Account
    from .cursors import Snapshots

ItemRef = tuple[Board, int]


@dataclass(frozen=True, slots=True)
class CellRef:
    """A value with the item and the column it belongs to."""

    column: Column
    cell: Cell
    board: Board
    place: int


@dataclass(frozen=True, slots=True)
class GroupRef:
    """A group with its board."""

    board: Board
    group: Group


@dataclass(slots=True)
class Lies:
    """What a fault makes this answer get wrong."""

    drop_items: int = 0
    duplicate_item: bool = False
    null_boards: bool = False
    expire_cursors: bool = False


class Struck(Exception):
    """A fault by item or column: nothing of the answer is given."""

    def __init__(self, fault: Fault) -> None:
        """The fault that hit."""
        super().__init__(fault.kind)
        self.fault = fault


@dataclass(slots=True)
class Run:
    """The state of one execution. `objects` times ten is its cost (FACTS 5)."""

    account: Account
    snapshots: Snapshots
    variables: Mapping[str, object]
    lies: Lies = field(default_factory=Lies)
    served_version: str = ""
    options: SandboxOptions = field(default_factory=SandboxOptions)
    objects: int = 0
    items: int = 0
    with_cells: int = 0  # of the items: how many with cells
    faults: list[Fault] = field(default_factory=list)  # by item and column, not yet met by this answer
    strikes: Callable[[Fault], bool] = lambda _fault: False
    errors: list[FieldError] = field(default_factory=list)
    arguments: dict[int, dict[str, object]] = field(default_factory=dict)

    def type_of(self, value: object) -> str:
        """The GraphQL type of an object where the schema leaves it open."""
        if isinstance(value, CellRef):
            return value.column.graph
        return str(cast("Mapping[str, object]", value)["__typename"])

    def render_items(self, selection: Selection, rows: Sequence[object]) -> Iterator[bytes]:
        """Items (board and place, or None) as JSON, neighbours of the same board together."""
        for board, members in groupby(cast("Sequence[ItemRef | None]", rows), board_of):
            if board is None:
                yield from (b"null" for _ in members)
            else:
                yield from self._page(selection, board, [row[1] for row in members if row is not None])

    def meet(self, board: Board, places: list[int], columns: Sequence[Column] | None = None) -> None:
        """Struck, if a fault is aimed at one of these items, or at cells of these columns."""
        for fault in list(self.faults):
            if (
                (fault.column is None) != (columns is None)
                or (fault.board is not None and fault.board != board.id)
                or (columns is not None and all(column.id != fault.column for column in columns))
                or (fault.item is not None and board.place_of(fault.item) not in places)
            ):
                continue
            self.faults.remove(fault)
            if self.strikes(fault):
                raise Struck(fault)

    def _page(self, selection: Selection, board: Board, places: list[int]) -> list[bytes]:
        self.objects += len(places)
        self.items += len(places)
        self.meet(board, places)
        parts = []
        for found in selection.fields("Item"):
            fast = FAST.get(found.name)
            if fast is None:
                parts.append([found.render((board, place), self) for place in places])
            else:
                prefix = found.prefix
                parts.append([prefix + text for text in fast(self, found, board, places)])
        return [b"{%b}" % b",".join(texts) for texts in zip(*parts, strict=True)]


def board_of(ref: ItemRef | None) -> Board | None:
    """The board of a reference; None for what is not there."""
    return None if ref is None else ref[0]


def ids(_run: Run, _field: Field, board: Board, places: list[int]) -> list[bytes]:
    """Item ids are strings in GraphQL."""
    return [b'"%d"' % board.item_id(place) for place in places]


def names(_run: Run, _field: Field, board: Board, places: list[int]) -> list[bytes]:
    """Item names."""
    return [encode(board.name_of(place)) for place in places]


def created(_run: Run, _field: Field, board: Board, places: list[int]) -> list[bytes]:
    """Creation times."""
    return [f'"{iso_z(board.created(place))}"'.encode() for place in places]


def updated(_run: Run, _field: Field, board: Board, places: list[int]) -> list[bytes]:
    """Times of last change."""
    return [f'"{iso_z(board.updated(place))}"'.encode() for place in places]


def creators(_run: Run, _field: Field, board: Board, places: list[int]) -> list[bytes]:
    """Creators' ids."""
    return [f'"{board.creator(place)}"'.encode() for place in places]


def states(_run: Run, _field: Field, board: Board, places: list[int]) -> list[bytes]:
    """Item states."""
    return [f'"{board.state_of(place)}"'.encode() for place in places]


def urls(run: Run, _field: Field, board: Board, places: list[int]) -> list[bytes]:
    """Where a browser shows the item."""
    start = f'"https://{run.account.world.slug}.monday.com/boards/{board.id}/pulses/'.encode()
    return [b'%b%d"' % (start, board.item_id(place)) for place in places]


def groups(run: Run, found: Field, board: Board, places: list[int]) -> list[bytes]:
    """The group object of each item; rendered once per group and counted for every item."""
    known: dict[str, tuple[bytes, int]] = {}
    texts = []
    for place in places:
        identity = board.group_of(place)
        if identity not in known:
            before = run.objects
            group = next(row for row in board.groups if row.id == identity)
            known[identity] = (found.complete(GroupRef(board, group), run), run.objects - before)
            run.objects = before
        text, objects = known[identity]
        run.objects += objects
        texts.append(text)
    return texts


def boards(run: Run, found: Field, board: Board, places: list[int]) -> list[bytes]:
    """The board object of each item, the same for all."""
    before = run.objects
    text = found.complete(board, run)
    run.objects = before + (run.objects - before) * len(places)
    return [text] * len(places)


def parents(run: Run, found: Field, board: Board, places: list[int]) -> list[bytes]:
    """The parent of each subitem; null for top items."""
    if board.parent is None or found.selection is None:
        return [b"null"] * len(places)
    refs = []
    for place in places:
        identity = board.parent_of(place)
        refs.append(run.account.index.find(identity) if identity is not None else None)
    texts = list(run.render_items(found.selection, refs))
    run.items -= len(places)
    return texts


def column_values(run: Run, found: Field, board: Board, places: list[int]) -> list[bytes]:
    """All values of the items: one entry for each column asked for, on every item (FACTS 17)."""
    columns = columns_asked(board, found.arguments(run))
    if not columns or found.selection is None:
        return [b"[]"] * len(places)
    run.with_cells += len(places)
    run.meet(board, places, columns)
    cells = [cell_strings(run, found.selection, column, board, places) for column in columns]
    return [b"[%b]" % b",".join(texts) for texts in zip(*cells, strict=True)]


def columns_asked(board: Board, arguments: Mapping[str, object]) -> list[Column]:
    """The board's columns that `ids` and `types` leave, in board order."""
    wanted, types = arguments.get("ids"), arguments.get("types")
    columns = board.value_columns()
    if wanted is not None:
        chosen = set(cast("list[str]", wanted))
        columns = [column for column in columns if column.id in chosen]
    if types is not None:
        columns = [column for column in columns if column.type in cast("list[str]", types)]
    return columns


def cell_strings(run: Run, selection: Selection, column: Column, board: Board, places: list[int]) -> list[bytes]:
    """One column's values for some items, rendered or remembered."""
    graph = column.graph
    text = selection.text(graph)
    keys = column.keys(places)
    if text is None:
        return [
            selection.render(CellRef(column, column.cell(key), board, place), graph, run)
            for key, place in zip(keys, places, strict=True)
        ]
    held = column.rendered(text, run.account.stamp)
    strings = held.strings
    missing = set(keys).difference(strings)
    if missing:
        before = run.objects
        for key, place in zip(keys, places, strict=True):
            if key in missing:
                start = run.objects
                strings[key] = selection.render(CellRef(column, column.cell(key), board, place), graph, run)
                if run.objects - start > 1:
                    held.extra[key] = run.objects - start - 1
                missing.discard(key)
        run.objects = before
    run.objects += len(keys)
    if held.extra:
        extra = held.extra
        run.objects += sum([extra.get(key, 0) for key in keys])
    return [strings[key] for key in keys]


FAST: dict[str, Callable[[Run, Field, Board, list[int]], list[bytes]]] = {
    "id": ids,
    "name": names,
    "created_at": created,
    "updated_at": updated,
    "creator_id": creators,
    "state": states,
    "url": urls,
    "group": groups,
    "board": boards,
    "parent_item": parents,
    "column_values": column_values,
}
