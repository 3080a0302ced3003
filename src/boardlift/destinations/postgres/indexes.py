"""Indexes, keys and unique constraints of a live relation pass to its successor under their names.

They are built on the staged one before any lock, beside those that the configuration asks for. In the swap the outgoing
index takes a name of its generation, which frees the familiar one for its successor.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from boardlift.destinations.postgres.carry import constraint_comment, generation_name
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Index, Table

_NAME_BYTES = 63
_BARE: dict[str, Any] = dict.fromkeys(
    ("tablespace", "options", "statistics", "comment", "constraint_comment", "clustered", "identity")
)
_OF_A_GENERATION = re.compile(r"ix_[0-9a-f]{24}")


@dataclass(frozen=True)
class Handover:
    """In the swap, what is called `name` in the live schema becomes `retired`, and `successor` becomes `name`.

    An empty `retired` means that nothing holds the name, an empty `successor` that nothing takes it over.
    """

    name: str
    retired: str
    successor: str


@dataclass
class Succession:
    """The indexes of one relation: who takes over which name, what stays behind, what the configuration made."""

    handovers: list[Handover] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)


def configured_name(table: str, index: Index) -> str:
    """The name of an index of the configuration, the same for every generation and never cut."""
    name = "_".join((table, *index.columns, "key" if index.unique else "idx"))
    return name if len(name.encode()) <= _NAME_BYTES else hashed_name(table, index)


def hashed_name(table: str, index: Index) -> str:
    """The name when the plain one is too long or taken."""
    text = "\0".join((table, *index.columns, str(index.unique)))
    return f"idx_{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def former_name(table: str, entry: Entry) -> str:
    """What the configuration would call an index that a kept table has."""
    return configured_name(table, Index(_keys(entry), bool(entry.detail["unique"])))


def key_name(table: str) -> str:
    """The name of a live table's primary key, where no person gave it another."""
    name = f"{table}_pkey"
    return name if len(name.encode()) <= _NAME_BYTES else f"key_{hashlib.sha256(table.encode()).hexdigest()[:24]}"


def configured(table: Table) -> list[Index]:
    """The indexes to make, without repetitions and without those that the key already is."""
    wanted = [index for index in dict.fromkeys(table.indexes) if index.columns != table.key]
    return [index for index in wanted if index.unique or Index(index.columns, unique=True) not in wanted]


def configured_statements(table: Table, at: Place) -> list[Composable]:
    """Make the configured indexes on a staged table, under names of its generation."""
    return [
        make(generation_name("ix", at[1], configured_name(table.name, index)), index, at) for index in configured(table)
    ]


def inherit(
    old: Snapshot,
    place: Place,
    new: Snapshot,
    at: Place,
    retire: Callable[[str], str],
    obsolete: set[str],
    *,
    kept: bool = False,
    own: Iterable[str] = (),
) -> tuple[Succession, list[Composable]]:
    """Who takes over which index, and the statements that build what is missing on the staged relation.

    `retire` gives the name under which an outgoing index goes on; `obsolete` are indexes that the configuration once
    asked for and no longer does; a `kept` table was live before, and `own` indexes come back
    with it. An index on a column that is gone is left out.
    """
    columns = set(new.columns(at))
    spare = [entry for entry in new.of("index", at) if entry.detail["valid"]]
    found = Succession()
    statements: list[Composable] = []
    for index in old.of("index", place):
        if not index.detail["valid"]:
            found.left_out.add(index.name)
            continue
        twin = _twin(index, spare)
        if twin is None and (index.name in obsolete or not index.columns <= columns or index.detail["primary"]):
            found.left_out.add(index.name)
            continue
        successor = twin.name if twin else generation_name("ix", at[1], index.name)
        if twin is None:
            statements.append(_create(index, successor, Identifier(*at)))
        else:
            spare.remove(twin)
        statements += _settings(index, twin, at, successor)
        found.handovers.append(Handover(index.name, retire(index.name), successor))
    taken = {entry.name for entry in old.of("index", place)}
    constraints = {_keys(entry) for entry in old.of("index", place) if entry.detail["constraint"] in {"p", "u"}}
    mine = set(own)
    for entry in spare:
        twice = entry.detail["unique"] and _keys(entry) in constraints
        # On a kept table, one with such a name was handed over, and its heir has been dropped by a person since.
        heir = former_name(place[1], entry)
        retired = kept and _OF_A_GENERATION.fullmatch(entry.name) and heir not in mine
        if not entry.detail["primary"] and (twice or retired or entry.name in taken):
            statements.append(drop(at, entry))
    return found, statements


def settle_configured(found: Succession, table: Table, spare: Iterable[Entry], taken: Callable[[str], bool]) -> None:
    """Give the configured indexes that nobody handed a name their own, and note which names are the configuration's."""
    by_columns = {(_keys(entry), bool(entry.detail["unique"])): entry for entry in spare}
    handed = {handover.successor: handover.name for handover in found.handovers}
    for index in configured(table):
        entry = by_columns.get((index.columns, index.unique))
        if entry is None:
            continue
        name = handed.get(entry.name)
        if name is None:
            name = configured_name(table.name, index)
            # One that the outgoing table gives up in the same swap is free by then.
            name = hashed_name(table.name, index) if taken(name) and name not in found.left_out else name
            found.handovers.append(Handover(name, "", entry.name))
        found.made.add(name)


def missing(
    table: Table, staged: Iterable[Entry], there: Sequence[Entry], taken: Callable[[str], bool]
) -> list[tuple[str, Index]]:
    """The configured indexes that a live table has not, with the names that they get there."""
    found = []
    by_columns = {(_keys(entry), bool(entry.detail["unique"])): entry for entry in staged}
    for index in configured(table):
        entry = by_columns.get((index.columns, index.unique))
        if entry is not None and _twin(entry, there) is None:
            name = configured_name(table.name, index)
            found.append((hashed_name(table.name, index) if taken(name) else name, index))
    return found


def returning(
    table: str, names: Iterable[str], staged: Iterable[Entry], there: Sequence[Entry], taken: Callable[[str], bool]
) -> list[tuple[str, Index]]:
    """The indexes of the configuration that a kept table has under these names and the live one lacks."""
    wanted = set(names)
    return [
        (name, Index(_keys(entry), bool(entry.detail["unique"])))
        for entry in staged
        if not entry.detail["primary"] and (name := former_name(table, entry)) in wanted
        if _twin(entry, there) is None and not taken(name)
    ]


def make(name: str, index: Index, at: Place) -> Composable:
    """Make a configured index on a table."""
    unique = SQL("UNIQUE ") if index.unique else SQL("")
    columns = COMMA.join(Identifier(column) for column in index.columns)
    return SQL("CREATE {}INDEX IF NOT EXISTS {} ON {} ({})").format(unique, Identifier(name), Identifier(*at), columns)


def _keys(entry: Entry) -> tuple[str, ...]:
    return tuple(entry.detail["keys"] or ())


def retire(schema: str, handovers: Iterable[Handover]) -> list[Composable]:
    """Statements for while the outgoing relations are still in their schema."""
    return [rename(schema, one.name, one.retired) for one in handovers if one.retired and one.retired != one.name]


def succeed(schema: str, handovers: Iterable[Handover]) -> list[Composable]:
    """Statements for when the familiar names are free."""
    return [rename(schema, one.successor, one.name) for one in handovers if one.successor]


def _twin(index: Entry, spare: Sequence[Entry]) -> Entry | None:
    wanted = (index.detail["constraint"], index.detail["unique"], index.detail["definition"])
    for one in spare:
        if index.detail["primary"] and one.detail["primary"]:
            return one
        if (one.detail["constraint"], one.detail["unique"], one.detail["definition"]) == wanted:
            return one
    return None


def _create(index: Entry, name: str, target: Composable) -> Composable:
    # The definition is PostgreSQL's own text: of a constraint, or of an index from USING on.
    definition = Composable(index.detail["definition"])
    if index.detail["constraint"]:
        return SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(target, Identifier(name), definition)
    unique = SQL("UNIQUE ") if index.detail["unique"] else SQL("")
    return SQL("CREATE {}INDEX {} ON {} USING {}").format(unique, Identifier(name), target, definition)


def _settings(index: Entry, twin: Entry | None, at: Place, name: str) -> list[Composable]:
    """Tablespace, statistics targets, comments, cluster mark and replica identity."""
    want = index.detail
    have = twin.detail if twin else _BARE
    where, table = Identifier(at[0], name), Identifier(*at)
    statements: list[Composable] = []
    if want["tablespace"] != have["tablespace"]:
        space = Identifier(want["tablespace"] or "pg_default")
        statements.append(SQL("ALTER INDEX {} SET TABLESPACE {}").format(where, space))
    mine, theirs = (dict(option.split("=", 1) for option in one["options"] or ()) for one in (want, have))
    if put := [SQL("{} = {}").format(Identifier(k), Literal(v)) for k, v in mine.items() if theirs.get(k) != v]:
        statements.append(SQL("ALTER INDEX {} SET ({})").format(where, COMMA.join(put)))
    if away := [Identifier(key) for key in theirs if key not in mine]:
        statements.append(SQL("ALTER INDEX {} RESET ({})").format(where, COMMA.join(away)))
    if want["statistics"] != have["statistics"]:
        targets = {number: -1 for number, _ in have["statistics"] or ()} | dict(want["statistics"] or ())
        statements += [
            SQL("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}").format(where, Literal(int(n)), Literal(int(target)))
            for n, target in targets.items()
        ]
    if want["comment"] != have["comment"]:
        statements.append(SQL("COMMENT ON INDEX {} IS {}").format(where, Literal(want["comment"])))
    if want["constraint_comment"] != have["constraint_comment"]:
        statements.append(constraint_comment(table, name, want["constraint_comment"]))
    if want["clustered"] and not have["clustered"]:
        statements.append(SQL("ALTER TABLE {} CLUSTER ON {}").format(table, Identifier(name)))
    if want["identity"] and not have["identity"]:
        statements.append(SQL("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}").format(table, Identifier(name)))
    return statements


def drop(at: Place, entry: Entry) -> Composable:
    """Take an index, or the constraint that it serves, from a staged relation."""
    if entry.detail["constraint"]:
        return SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(Identifier(*at), Identifier(entry.name))
    return SQL("DROP INDEX {}").format(Identifier(at[0], entry.name))


def rename(schema: str, name: str, to: str) -> Composable:
    """Another name for an index, and for the constraint that it serves."""
    return SQL("ALTER INDEX {} RENAME TO {}").format(Identifier(schema, name), Identifier(to))
