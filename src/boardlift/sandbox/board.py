"""A board and its items. An item is a place (0, 1, 2 ...); all it is follows from the place and from edits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat
from threading import RLock
from typing import Literal

from .column import Column
from .kinds import Directory
from .kinds.base import Record
from .order import Order, Places

Key = Literal["", "__creation_log__", "__last_updated__"]  # what the API orders by; "" is board order
BOARD_BASE = 18_400_000_000
ITEM_BASE = 5_000_000_000  # FACTS 8: item ids exceed 32 bits
ITEM_SPAN = 10_000_000
ITEM_STEP = 7
DAY = 86_400
ANCHOR = int(datetime(2026, 10, 30, 12, tzinfo=UTC).timestamp())  # nothing in a new account is younger
EPOCH = ANCHOR - 700 * DAY


@dataclass(slots=True)
class Group:
    """A group of a board; ids are unique in the board only, positions are decimal strings (FACTS 10)."""

    id: str
    title: str
    color: str
    position: str


@dataclass(slots=True)
class Edit:
    """What was changed of an item since the account was made; None where nothing was."""

    name: str | None = None
    group: str | None = None
    state: str = "active"
    updated_at: int | None = None
    created_at: int | None = None
    updater: str | None = None
    item_id: int | None = None
    parent: int | None = None
    moved_away: bool = False


@dataclass(frozen=True, slots=True)
class ItemTruth:
    """What an item really is, whatever the API says of it."""

    id: int
    name: str | None
    group_id: str
    created_at: datetime
    updated_at: datetime
    creator_id: int
    parent_item_id: int | None
    state: str
    board_id: int
    place: int


@dataclass(slots=True, eq=False)
class Board:
    """A board: `base` items made from the seed, `added` ones since, and the edits of both."""

    serial: int
    name: str
    world: Directory
    namer: Callable[[int], str]
    base: int
    groups: list[Group]
    columns: list[Column] = field(default_factory=list)
    type: str = "board"
    kind: str = "public"
    state: str = "active"
    description: str | None = None
    workspace: Record | None = None
    parent: Board | None = None  # of a subitem board: the board whose items its items belong to
    like: int | None = None  # of a duplicate: the serial of its source, whose times and creators it repeats
    older_by: int = 0  # seconds that a duplicate's times lie before its source's
    parents: int = 0  # how many of the parent's items have subitems
    created_at: int = EPOCH
    touched_at: int = EPOCH
    added: int = 0
    edits: dict[int, Edit] = field(default_factory=dict)
    log: list[Record] = field(default_factory=list)
    children: list[Board] = field(default_factory=list)
    stamp: int = 0
    edited: list[int] = field(default_factory=list)  # the place of every edit, in the order of the edits
    lock: RLock = field(default_factory=RLock)
    _orders: dict[tuple[str, bool, str | None], Order] = field(default_factory=dict)
    _sorted: dict[tuple[str, bool], tuple[int, Sequence[int]]] = field(default_factory=dict)
    foreign: dict[int, int] = field(default_factory=dict)  # ids of items that moved here, and their places

    @property
    def id(self) -> int:
        """The board's id, above 32 bits."""
        return BOARD_BASE + self.serial * 101

    def column(self, identity: str) -> Column:
        """The column of an id; KeyError when there is none."""
        found = next((column for column in self.columns if column.id == identity), None)
        if found is None:
            raise KeyError(f"board {self.id} has no column {identity}")
        return found

    def item_id(self, place: int) -> int:
        """The id of the item at a place; an item that moved here keeps the id it had."""
        edit = self.edits.get(place) if self.foreign else None
        if edit is not None and edit.item_id is not None:
            return edit.item_id
        return ITEM_BASE + self.serial * ITEM_SPAN + place * ITEM_STEP

    def place_of(self, item_id: int) -> int | None:
        """The place of an item that is on this board now, deleted ones included; None if it is not here."""
        if item_id in self.foreign:
            return self.foreign[item_id]
        offset = item_id - ITEM_BASE - self.serial * ITEM_SPAN
        place, rest = divmod(offset, ITEM_STEP)
        if rest or not 0 <= place < self.base + self.added:
            return None
        edit = self.edits.get(place)
        return None if edit is not None and edit.moved_away else place

    def name_of(self, place: int) -> str:
        """The item's name as the API gives it."""
        edit = self.edits.get(place)
        return edit.name if edit is not None and edit.name is not None else self.namer(place)

    def created(self, place: int) -> int:
        """When the item was created, in seconds: later places later, ten minutes apart at most."""
        edit = self.edits.get(place)
        if edit is not None and edit.created_at is not None:
            return edit.created_at
        return self.births((place,))[0]

    def births(self, places: Iterable[int]) -> list[int]:
        """The times of creation of some places as the board was made, edits aside."""
        start, base = EPOCH - self.older_by, max(self.base, 1)
        return [start + place * (600 * DAY) // base + place * 131 % 600 for place in places]

    def updated(self, place: int) -> int:
        """When the item last changed, in seconds; between its creation and the day the account was made."""
        edit = self.edits.get(place)
        if edit is not None and edit.updated_at is not None:
            return edit.updated_at
        return self.last_changes((place,), (self.created(place),))[0]

    def last_changes(self, places: Iterable[int], births: Iterable[int]) -> list[int]:
        """The times of last change of some places as the board was made, edits aside."""
        salt, end = (self.like or self.serial) * 40_503, ANCHOR - self.older_by
        return [
            born + ((place * 2_654_435_761 + salt) & 0xFFFFFFFF) % (end - born)
            for place, born in zip(places, births, strict=True)
        ]

    def creator(self, place: int) -> str:
        """The creator's user id; negative for what a template made (FACTS 8)."""
        if place % 97 == 13:
            return "-4"
        return str(self.world.users[(place * 5 + (self.like or self.serial)) % len(self.world.users)]["id"])

    def updater(self, place: int) -> str:
        """The user who changed the item last."""
        edit = self.edits.get(place)
        if edit is not None and edit.updater is not None:
            return edit.updater
        return str(self.world.users[(place * 3 + self.serial) % len(self.world.users)]["id"])

    def group_of(self, place: int) -> str:
        """The id of the item's group: items lie in the board in the order of its groups."""
        edit = self.edits.get(place)
        if edit is not None and edit.group is not None:
            return edit.group
        return self.groups[min(place * len(self.groups) // max(self.base, 1), len(self.groups) - 1)].id

    def state_of(self, place: int) -> str:
        """active, archived or deleted."""
        edit = self.edits.get(place)
        return "active" if edit is None else edit.state

    def parent_of(self, place: int) -> int | None:
        """The id of the item this one is a subitem of; None on a board of top items."""
        if self.parent is None or not self.parents:
            return None
        edit = self.edits.get(place)
        if edit is not None and edit.parent is not None:
            return edit.parent
        return self.parent.item_id(place % self.parents)

    def places_under(self, parent_place: int) -> list[int]:
        """Of a subitem board: the places of one parent's active subitems."""
        wanted = self.parent.item_id(parent_place) if self.parent is not None else 0
        return [place for place in self.places_of(wanted) if self.listed(place)]

    def places_of(self, parent: int) -> list[int]:
        """Of a subitem board: the places of all the subitems one parent (by id) has or had."""
        if not self.parents or self.parent is None:
            return []
        above = self.parent.place_of(parent)
        step = range(above, self.base, self.parents) if above is not None and above < self.parents else range(0)
        late = range(self.base, self.base + self.added)
        return [place for place in (*step, *late) if self.parent_of(place) == parent]

    def listed(self, place: int) -> bool:
        """Whether the item is on this board and active, so that items_page shows it (FACTS 7)."""
        edit = self.edits.get(place)
        return edit is None or (edit.state == "active" and not edit.moved_away)

    def active(self) -> Sequence[int]:
        """The places of the active items in board order; a range as long as nothing was taken away."""
        if not self.edits:
            return range(self.base + self.added)
        return self.places()

    def places(
        self,
        key: Key = "",
        *,
        descending: bool = False,
        group: str | None = None,
        span: tuple[int, int] | None = None,
    ) -> Places:
        """The active places (of one group) by a time, or in board order; `span` leaves the times within it.

        Equal items stay in board order. Nothing is sorted again for an edit: see `Order`.
        """
        with self.lock:
            held = self._orders.get((key, descending, group))
            if held is None:
                held = self._orders[key, descending, group] = self._order(key, group, descending=descending)
            count = self.base + self.added
            return held.all(count) if span is None else held.between(*span, count)

    def _order(self, key: Key, group: str | None, *, descending: bool) -> Order:
        times: dict[Key, Callable[[int], int]] = {
            "": lambda _place: 0,
            "__creation_log__": self.created,
            "__last_updated__": self.updated,
        }

        unedited: dict[Key, Callable[[range], Iterable[int]]] = {
            "": lambda places: repeat(0, len(places)),
            "__creation_log__": self.births,
            "__last_updated__": lambda places: self.last_changes(places, self.births(places)),
        }

        def in_group(place: int) -> bool:
            return self.group_of(place) == group and self.listed(place)

        if group is not None:
            return Order(times[key], in_group, self.edited, descending=descending)
        return Order(times[key], self.listed, self.edited, descending=descending, unedited=unedited[key])

    def ordered(self, key: str, sort_key: Callable[[int], object], *, descending: bool) -> Sequence[int]:
        """The active places sorted by what a column shows, equal ones in board order; kept until the board changes."""
        held = self._sorted.get((key, descending))
        if held is None or held[0] != self.stamp:
            rows = [(sort_key(place), place) for place in self.active()]
            rows.sort(key=lambda row: row[0], reverse=descending)  # type: ignore[arg-type,return-value]
            held = self._sorted[key, descending] = (self.stamp, [place for _, place in rows])
        return held[1]

    def edit_of(self, place: int) -> Edit:
        """The edit record of an item, made when it has none; the board counts as changed."""
        self.stamp += 1
        self.edited.append(place)
        return self.edits.setdefault(place, Edit())

    def truth(self, item: int | ItemTruth, column: str | Column) -> dict[str, object]:
        """The true value of an item (its id or truth) in a column, by facet; `""` is the main one."""
        place = item.place if isinstance(item, ItemTruth) else self.place_of(item)
        if place is None:
            raise KeyError(f"board {self.id} has no item {item}")
        held = self.column(column) if isinstance(column, str) else column
        return held.cell_of(place).truth

    def item(self, place: int) -> ItemTruth:
        """What the item at a place really is."""
        return ItemTruth(
            id=self.item_id(place),
            name=self.name_of(place).replace("\u0000", ""),
            group_id=self.group_of(place),
            created_at=datetime.fromtimestamp(self.created(place), UTC),
            updated_at=datetime.fromtimestamp(self.updated(place), UTC),
            creator_id=int(self.creator(place)),
            parent_item_id=self.parent_of(place),
            state=self.state_of(place),
            board_id=self.id,
            place=place,
        )

    def active_items(self) -> Iterator[ItemTruth]:
        """The active items in board order."""
        return (self.item(place) for place in self.active())

    def value_columns(self) -> list[Column]:
        """The columns that have values: all but the name."""
        return [column for column in self.columns if column.source is not None]
