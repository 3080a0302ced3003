"""What PostgreSQL's catalogue says, by name, about live tables and all that is built on them.

One statement (`questions`) reads it; the rows are compared before and after a swap, and what has to be made again is
made from them. Definitions are PostgreSQL's own text, written with `search_path = pg_catalog`, so that every name has
its schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from boardlift.destinations.postgres.inspect import Rows
from boardlift.shape.sql import Identifier

Place = tuple[str, str]
"""A relation by schema and name."""


@dataclass(frozen=True)
class Entry:
    """One fact: an object of `kind` called `name` on the relation at `place`. `detail` is what its definition says."""

    kind: str
    place: Place
    name: str
    detail: dict[str, Any]

    @property
    def key(self) -> tuple[str, Place, str]:
        return self.kind, self.place, self.name

    @property
    def columns(self) -> set[str]:
        """The columns of its own relation that it needs."""
        return set(self.detail.get("columns") or ())

    def uses(self, place: Place) -> set[str]:
        """The columns of a relation that it reads; an empty name stands for the relation as such."""
        return {column for schema, name, column in self.detail.get("uses") or () if (schema, name) == place}

    @property
    def used(self) -> set[Place]:
        """The relations it reads."""
        return {(schema, name) for schema, name, _ in self.detail.get("uses") or ()} - (
            {self.place} if self.kind == "view" else set()
        )

    def __str__(self) -> str:
        return describe(self)


@dataclass(frozen=True)
class Snapshot:
    """Everything that was found, in the order of kind, relation and name."""

    entries: tuple[Entry, ...]

    @cached_property
    def _by_kind(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(entry.kind, []).append(entry)
        return found

    @cached_property
    def _by_place(self) -> dict[tuple[str, Place], list[Entry]]:
        found: dict[tuple[str, Place], list[Entry]] = {}
        for entry in self.entries:
            found.setdefault((entry.kind, entry.place), []).append(entry)
        return found

    def of(self, kind: str, place: Place | None = None) -> Iterator[Entry]:
        """Entries of a kind, on one relation or on all."""
        return iter(self._by_kind.get(kind, ()) if place is None else self._by_place.get((kind, place), ()))

    def relation(self, place: Place) -> Entry | None:
        return next(self.of("relation", place), None)

    def columns(self, place: Place) -> dict[str, Entry]:
        """Columns of a relation by name, in their order."""
        found = sorted(self.of("column", place), key=lambda entry: int(entry.detail["position"]))
        return {entry.name: entry for entry in found}

    def types(self, place: Place) -> dict[str, str]:
        """The types of its columns."""
        return {name: str(column.detail["type"]) for name, column in self.columns(place).items()}

    def key(self, place: Place) -> tuple[str, ...]:
        """The columns of its primary key, none where it has no key."""
        primary = (index for index in self.of("index", place) if index.detail["primary"])
        return next((tuple(index.detail["keys"]) for index in primary), ())

    def only(self, place: Place) -> Snapshot:
        """What is said of one relation, without the views on it."""
        return Snapshot(tuple(entry for entry in self.entries if entry.place == place))

    def apart(self) -> dict[Place, Snapshot]:
        """What is said of each relation, `only` of all of them."""
        found: dict[Place, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(entry.place, []).append(entry)
        return {place: Snapshot(tuple(entries)) for place, entries in found.items()}

    def about(self, place: Place) -> Sequence[Entry]:
        """Entries on a relation and those that read it."""
        return self._about.get(place, ())

    @cached_property
    def _about(self) -> dict[Place, list[Entry]]:
        found: dict[Place, list[Entry]] = {}
        for entry in self.entries:
            for place in {entry.place, *((schema, name) for schema, name, _ in entry.detail.get("uses") or ())}:
                found.setdefault(place, []).append(entry)
        return found

    @property
    def places(self) -> set[Place]:
        return {entry.place for entry in self.of("relation")}


_WORDS = {
    "foreign": "foreign key",
    "check": "constraint",
    "not_null": "constraint",
    "statistics": "statistics object",
}


_RELATIONS = {"v": "view", "m": "materialized view"}


def spelled(place: Place) -> str:
    """A relation as people write it."""
    return ".".join(part if part.isidentifier() and part == part.lower() else Identifier(part).text for part in place)


def describe(entry: Entry) -> str:
    """An entry in words: `trigger ring on monday.planning`."""
    where = spelled(entry.place)
    match entry.kind:
        case "relation" | "view":
            return f"{_RELATIONS.get(entry.detail['kind'], 'table')} {where}"
        case "function" | "other":
            return str(entry.detail["what"])
        case "index" if entry.detail["constraint"]:
            return f"constraint {entry.name} on {where}"
        case "publication":
            return f"publication {entry.name} of {where}"
    return f"{_WORDS.get(entry.kind, entry.kind)} {entry.name} on {where}"


def read(rows: Rows) -> Snapshot:
    """Rows of `questions.statement` -> Snapshot."""
    found = [Entry(str(k), (str(s), str(r)), str(n), json.loads(str(detail))) for k, s, r, n, detail in rows]
    return Snapshot(tuple(sorted(found, key=lambda entry: entry.key)))
