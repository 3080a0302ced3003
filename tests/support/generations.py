"""Small staged generations for tests of destinations."""

from __future__ import annotations

from boardlift.destinations.interface import Destination, StagedGroup
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows

PLANNING = Table(
    "planning",
    (Column("item_id", BIGINT, nullable=False), Column("name", TEXT), Column("status", TEXT)),
    key=("item_id",),
)


def staged(
    destination: Destination, generation: int, *, table: Table = PLANNING, rows: int = 3, group: str = "1"
) -> StagedGroup:
    """A generation whose every text column says `g<generation>`."""
    ref = destination.stage(group, generation, table)
    values = ", ".join("range" if column.type == BIGINT else f"'g{generation}'" for column in table.columns)
    count = destination.append(ref, Rows(f"SELECT {values} FROM range({rows})"))
    return StagedGroup(group, generation, ((ref, count),))


def promoted(destination: Destination, *generations: int) -> None:
    for generation in generations:
        destination.promote(f"run-{generation}", [staged(destination, generation)])


def live_name(destination: Destination) -> object:
    """What the rows of the live table say; fails when they do not all say the same."""
    ((name,),) = destination.query("SELECT DISTINCT name FROM monday.planning")[1]
    return name
