"""What one swap does to each live name, decided on values before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from boardlift.destinations.catalogue import Slot, SwapPlan
from boardlift.destinations.interface import Replace


@dataclass(frozen=True)
class Move:
    """One live name. `leaving` and `entering` are its tables before and after; `here` whether the live table exists.

    `held`: the outgoing generation has a sealed copy in the hidden schema, so its live table may be emptied or dropped.
    """

    name: str
    leaving: Slot | None
    entering: Slot | None
    way: Replace
    here: bool
    held: bool

    @property
    def refills(self) -> bool:
        """The live table stays and gets other rows."""
        return self.entering is not None and self.here and self.way is Replace.IN_PLACE

    @property
    def places(self) -> bool:
        """A copy of the staged table becomes live, for there is no live table to refill."""
        return self.entering is not None and not self.here and self.way is Replace.IN_PLACE

    @property
    def swaps(self) -> bool:
        """The staged table itself becomes live."""
        return self.entering is not None and self.way is Replace.SWAP

    @property
    def leaves(self) -> bool:
        """The table that is live now goes from the live schema."""
        return self.here and not self.refills

    @property
    def copies(self) -> bool:
        """The rows of the live table are to be kept in a copy before it is refilled."""
        return self.refills and self.leaving is not None and not self.held

    @property
    def made(self) -> str:
        """What the table that will be live is called in the meantime."""
        assert self.entering is not None
        return passing(self.entering.hidden_name, "live") if self.places else self.entering.hidden_name


def moves(plan: SwapPlan, ways: Mapping[str, Replace], here: Collection[str], sealed: Collection[str]) -> list[Move]:
    """By name. `here` are the live tables that exist, `sealed` the names of the hidden ones; `ways` is by group."""
    leaving = {slot.name: slot for slot in plan.outgoing}
    entering = {slot.name: slot for slot in plan.incoming}
    way = {table.name: ways.get(g.group, Replace.SWAP) for g in plan.entering for table in g.tables}
    found = []
    for name in sorted(leaving.keys() | entering.keys()):
        out = leaving.get(name)
        held = out is not None and out.hidden_name in sealed
        found.append(Move(name, out, entering.get(name), way.get(name, Replace.SWAP), name in here, held))
    return found


def passing(hidden_name: str, what: str) -> str:
    """A name for a table that is being made, of its own for each table it is made for."""
    return f"boardlift_{what}_{hashlib.sha256(hidden_name.encode()).hexdigest()[:24]}"
