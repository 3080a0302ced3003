"""What a swap is prepared to do, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from boardlift.destinations.catalogue import Slot
from boardlift.destinations.interface import Replace
from boardlift.destinations.postgres import indexes
from boardlift.destinations.postgres.book import Made, Member
from boardlift.destinations.postgres.rebind import Key, Move
from boardlift.destinations.postgres.refill import Refill
from boardlift.destinations.postgres.snapshot import Place, Snapshot
from boardlift.shape.table import Index, Table


@dataclass(frozen=True)
class Arrival:
    """A table of an entering generation. `body` is what goes into the live schema, in place of it `slot` is copied."""

    slot: Slot
    member: Member
    way: Replace
    body: str
    before: Made | None  # what boardlift put on the live table of this name
    after: Made | None  # what it puts on this one

    @property
    def place(self) -> str:
        return self.slot.name

    @property
    def obsolete(self) -> set[str]:
        """Indexes that the configuration made on the live table and that the successor is not to have."""
        table = self.slot.table
        if self.before is None:
            return set()
        if table is not None:
            wanted = {name for one in indexes.configured(table) for name in _names(table, one)}
            return set(self.before.indexes) - wanted
        # A kept generation comes back with the indexes of its own time.
        return set(self.before.indexes) - set(self.after.indexes if self.after else self.before.indexes)

    @property
    def own(self) -> set[str]:
        """Indexes that the configuration made on a kept generation and not on the live one: nobody dropped them."""
        if self.after is None or self.before is None:
            return set()
        return set(self.after.indexes) - set(self.before.indexes)


@dataclass
class Prepared:
    """What one attempt needs. `moves` are of tables and of materialized views."""

    before: Snapshot
    schema: str
    arrivals: Sequence[Arrival]
    departures: Sequence[Slot]
    shapes: dict[Place, Snapshot | None] = field(default_factory=dict)
    moves: dict[Place, Move] = field(default_factory=dict)
    refills: dict[Place, Refill] = field(default_factory=dict)
    views: list[Place] = field(default_factory=list)
    successions: dict[Place, indexes.Succession] = field(default_factory=dict)
    comments: dict[Place, dict[str, str | None]] = field(default_factory=dict)
    left_out: set[Key] = field(default_factory=set)
    made: dict[Member, Made] = field(default_factory=dict)
    dropped: dict[Place, set[str]] = field(default_factory=dict)  # indexes of refilled tables that nobody asks for
    wanted: dict[Place, list[tuple[str, Index]]] = field(default_factory=dict)  # to make on refilled tables

    @property
    def replaced(self) -> set[Place]:
        """Live relations that others take the place of."""
        return {place for place in self.moves if self.before.relation(place)}


def _names(table: Table, index: Index) -> tuple[str, str]:
    return indexes.configured_name(table.name, index), indexes.hashed_name(table.name, index)
