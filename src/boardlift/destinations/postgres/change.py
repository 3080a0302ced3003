"""What becomes of a live table, and what can be in the way of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from boardlift.destinations.interface import Replace
from boardlift.destinations.postgres.book import Made
from boardlift.destinations.postgres.snapshot import Place, Snapshot

IN_PLACE_HELPS = "or write `replace: in_place` for this board in boardlift.yaml"


@dataclass(frozen=True)
class Change:
    """What becomes of one live table. `columns` are the new ones, by name in order, as PostgreSQL spells their types;
    None when the table vanishes. `made` is what boardlift put on the live one, as far as it is known.
    """

    place: Place
    way: Replace
    columns: Mapping[str, str] | None
    key: tuple[str, ...] = ()
    made: Made | None = None


@dataclass(frozen=True)
class Obstacle:
    """One thing that cannot be kept, on or around the table at `place`, and the way out."""

    place: Place
    what: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.what}: {self.way_out}"


def gone(before: Snapshot, change: Change) -> set[str]:
    """Columns of the live table that the new shape has not, and that are boardlift's."""
    assert change.columns is not None
    lost = set(before.columns(change.place)) - set(change.columns)
    return lost if change.made is None else lost & set(change.made.columns)


def retyped(before: Snapshot, change: Change) -> dict[str, tuple[str, str]]:
    """Columns whose type changes: old and new."""
    assert change.columns is not None
    columns = before.columns(change.place)
    return {
        name: (columns[name].detail["type"], type_)
        for name, type_ in change.columns.items()
        if name in columns and columns[name].detail["type"] != type_
    }
