"""What a column type is to the sandbox: how values are drawn, and what the API and the truth say of one value.

A *plain* value is the JSON-like description a kind draws or a test writes ("Done", 12.5, `{"date": "2026-03-01"}`);
`build` turns it into a `Cell`, which holds both what the API answers and what is really meant.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import cast

Plain = object
Settings = dict[str, object]
Record = dict[str, object]
Truth = dict[str, object]


@dataclass(frozen=True, slots=True)
class Cell:
    """One value: `text`, `value` (JSON, encoded once) and `fields` as the API shows them, and what is `true`."""

    text: str | None
    value: str | None
    fields: Mapping[str, object]
    truth: Truth


@dataclass(slots=True)
class Directory:
    """The people, teams, agents and tags a value may point at, and a way to ask an item's name."""

    slug: str
    users: list[Record] = field(default_factory=list)
    teams: list[Record] = field(default_factory=list)
    agents: list[Record] = field(default_factory=list)
    tags: list[Record] = field(default_factory=list)
    owner_offset: float | None = None  # hours from UTC of the token's owner; None is Europe/Berlin
    item_name: Callable[[int], str | None] = lambda _item_id: None

    def name_of(self, kind: str, identity: int) -> str | None:
        """The display name of a person, team or agent; None if there is none of that id."""
        rows = {"person": self.users, "team": self.teams, "agent": self.agents}[kind]
        return next((str(row["name"]) for row in rows if row["id"] == str(identity)), None)

    def tag_name(self, identity: int) -> str:
        """The name of a tag; empty if there is none of that id."""
        return next((str(row["name"]) for row in self.tags if row["id"] == str(identity)), "")


Sample = Callable[[Random, Settings, Directory], Plain]
Build = Callable[[Plain, Settings, Directory, int], Cell]


@dataclass(frozen=True, slots=True)
class Kind:
    """A column type: its GraphQL type, its default settings, how to draw a value and how to build one."""

    type: str
    graph: str
    sample: Sample
    build: Build
    settings: Callable[[Random], Settings] = lambda _rng: {}
    live: bool = False  # the value shows other items' names, so nothing of it may be kept past an edit


def dumps(value: object) -> str:
    """JSON without blanks and with the characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def mapping(plain: Plain) -> Mapping[str, object]:
    """`plain` as a mapping; an empty one when it is something else."""
    return cast("Mapping[str, object]", plain) if isinstance(plain, Mapping) else {}


def members(plain: Plain) -> Sequence[object]:
    """`plain` as a list; a single value counts as a list of one, None as an empty one."""
    if plain is None:
        return ()
    return cast("Sequence[object]", plain) if isinstance(plain, list | tuple) else (plain,)


def integer(value: object) -> int:
    """`value` as an int (ids arrive as numbers or as digits)."""
    return value if isinstance(value, int) else int(str(value))


def clean(text: str | None) -> str | None:
    """What SQL can keep of a text: U+0000 removed, and "" counted as nothing."""
    return (text.replace("\u0000", "") or None) if text else None


def iso_ms(at: int) -> str:
    """`changed_at` in a raw value: milliseconds and Z (FACTS 17). Milliseconds are made from the seconds."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}.{at * 37 % 1000:03d}Z"


@lru_cache(maxsize=4096)
def day_text(day: int) -> str:
    """The date of a day since 1970, with the T that a time follows."""
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%dT}"


def iso_z(at: int) -> str:
    """A time as items carry it: whole seconds and Z (FACTS 8). Called a thousand times a page, so without strftime."""
    day, second = divmod(at, 86_400)
    return f"{day_text(day)}{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def iso_offset(at: int) -> str:
    """`updated_at` of most typed values: `+00:00` (FACTS 17)."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def last_sunday(year: int, month: int) -> datetime:
    """The last Sunday of a month of 31 days, at 01:00 UTC: when European clocks change."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def to_owner_zone(at: datetime, offset_hours: float | None = None) -> datetime:
    """A UTC time as the token owner sees it: at a fixed offset, or in Europe/Berlin, without a zone database."""
    if offset_hours is not None:
        return at + timedelta(hours=offset_hours)
    summer = last_sunday(at.year, 3) <= at < last_sunday(at.year, 10)
    return at + timedelta(hours=2 if summer else 1)
