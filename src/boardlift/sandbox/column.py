"""A board's columns: their definition, and where the value of an item comes from.

Values are not stored. A column draws from a pool of prepared values, addressed by arithmetic on the item's place, so
that a board of 100,000 items costs nothing until a page of it is read. Edits lie in front of the pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from .kinds import KINDS, Cell, Directory, Kind
from .kinds.base import Plain, Settings

STRIDES = (1, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
CACHED_STRINGS = 20_000
CACHED_SELECTIONS = 8
EDITED = 1  # keys below zero are edits: item i has key -(i + EDITED)


class Source(Protocol):
    """Where a column's values come from. A key names one value; many items may share a key."""

    live: bool

    def keys(self, places: Sequence[int]) -> list[int]:
        """The key of the value of each item."""

    def cell(self, key: int) -> Cell:
        """The value of a key."""


class Pool:
    """Prepared values, drawn on demand: the same seed gives the same value for a key, whenever it is asked."""

    def __init__(
        self, kind: Kind, settings: Settings, world: Directory, seed: str, size: int, filled: float = 1.0
    ) -> None:
        """`filled` is the share of items that have a value at all (a column added late is mostly empty)."""
        self.kind, self.settings, self.world, self.seed, self.size, self.filled = (
            kind,
            settings,
            world,
            seed,
            size,
            filled,
        )
        self.live = kind.live
        rng = Random(seed)
        self.stride, self.offset = rng.choice(STRIDES), rng.randrange(size)
        self._cells: dict[int, Cell] = {}

    def keys(self, places: Sequence[int]) -> list[int]:
        """Item i draws (i * stride + offset) modulo the size."""
        stride, offset, size = self.stride, self.offset, self.size
        return [(place * stride + offset) % size for place in places]

    def plain(self, key: int) -> Plain:
        """The plain value of a key."""
        rng = Random(f"{self.seed}:{key}")
        return None if rng.random() >= self.filled else self.kind.sample(rng, self.settings, self.world)

    def cell(self, key: int) -> Cell:
        """The built value of a key; kept, unless it shows names that may change."""
        if self.live:
            return self.build(key)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = self.build(key)
        return cell

    def forget(self) -> None:
        """Build every value anew when it is next asked for."""
        self._cells.clear()

    def build(self, key: int) -> Cell:
        """Draw and build the value of a key."""
        changed = 1_700_000_000 + (key * 7919 + len(self.seed) * 104_729) % 60_000_000
        return self.kind.build(self.plain(key), self.settings, self.world, changed)


@dataclass(slots=True)
class Rendered:
    """JSON by key, and the objects inside beyond the value itself (where there are any)."""

    strings: dict[int, bytes] = field(default_factory=dict)
    extra: dict[int, int] = field(default_factory=dict)


class Column:
    """One column of a board: what `Board.columns` shows, its source, and the values edited since."""

    def __init__(self, identity: str, title: str, type_name: str, settings: Settings, source: Source | None) -> None:
        """`source` None is for the name column, which is listed but has no values."""
        self.id, self.title, self.type, self.settings, self.source = (
            identity,
            title,
            type_name,
            settings,
            source,
        )
        self.description: str | None = None
        self.width: int | None = None
        self.archived = False
        self.revision = 1
        self.edits: dict[int, tuple[Plain, int]] = {}
        self.world: Directory | None = None
        self._rendered: dict[str, tuple[int, Rendered]] = {}

    @property
    def graph(self) -> str:
        """The GraphQL type that implements this column's values."""
        return DERIVED_GRAPH.get(self.type) or KINDS[self.type].graph

    @property
    def live(self) -> bool:
        """Whether values depend on other items, so that any edit in the account may change them."""
        return self.source is not None and self.source.live

    def keys(self, places: Sequence[int]) -> list[int]:
        """The keys of some items' values, edits included."""
        if self.source is None:
            return [0] * len(places)
        if not self.edits:
            return self.source.keys(places)
        edits = self.edits
        return [
            -place - EDITED if place in edits else key
            for place, key in zip(places, self.source.keys(places), strict=True)
        ]

    def cell(self, key: int) -> Cell:
        """The value of a key."""
        if key < 0:
            plain, changed = self.edits[-key - EDITED]
            world = self.world
            if world is None:
                raise RuntimeError(f"column {self.id} was edited before it was on a board")
            return KINDS[self.type].build(plain, self.settings, world, changed)
        if self.source is None:
            raise RuntimeError(f"column {self.id} has no values")
        return self.source.cell(key)

    def cell_of(self, place: int) -> Cell:
        """The value of the item at a place."""
        return self.cell(self.keys((place,))[0])

    def edit(self, place: int, plain: Plain, at: int) -> None:
        """Give an item another value; the strings rendered before are forgotten."""
        self.edits[place] = (plain, at)
        for _stamp, held in self._rendered.values():
            held.strings.pop(-place - EDITED, None)
            held.extra.pop(-place - EDITED, None)

    def forget(self) -> None:
        """Drop every value and string kept: the settings, the type, or the names of people changed."""
        self._rendered.clear()
        if isinstance(self.source, Pool):
            self.source.forget()

    def rendered(self, selection: str, stamp: int) -> Rendered:
        """What was rendered under a selection; empty if the column is live and the account changed since."""
        held = self._rendered.get(selection)
        wanted = stamp if self.live else 0
        if held is None or held[0] != wanted or len(held[1].strings) > CACHED_STRINGS:
            if held is None and len(self._rendered) >= CACHED_SELECTIONS:
                self._rendered.clear()
            held = self._rendered[selection] = (wanted, Rendered())
        return held[1]


DERIVED_GRAPH = {
    "name": "TextValue",
    "mirror": "MirrorValue",
    "formula": "FormulaValue",
    "subtasks": "SubtasksValue",
    "creation_log": "CreationLogValue",
    "last_updated": "LastUpdatedValue",
    "item_id": "ItemIdValue",
    "group": "GroupValue",
}


def pooled(world: Directory, identity: str, title: str, type_name: str, *, seed: str, size: int = 499) -> Column:
    """A column of a kind with values of its own, with settings drawn from the seed."""
    kind = KINDS[type_name]
    settings = kind.settings(Random(f"{seed}:{identity}:settings"))
    column = Column(identity, title, type_name, settings, Pool(kind, settings, world, f"{seed}:{identity}", size))
    column.world = world
    return column
