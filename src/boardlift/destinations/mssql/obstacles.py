"""What stands in the way of a swap or a refill in SQL Server, found by reading; and what a swap carries over.

`boardlift plan` and `promote` ask the same functions, so that neither can refuse what the other lets through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from boardlift.destinations.mssql.ddl import INDEX_PREFIX, LABEL, column_type, key_widths, required_columns
from boardlift.destinations.mssql.inspect import Inspector
from boardlift.destinations.mssql.objects import ForeignKey, IndexFact, Live, Trigger
from boardlift.destinations.mssql.sql import Name
from boardlift.shape.table import Table

REFILL = "set `replace: in_place` for the board in boardlift.yaml"
_MEND = "change or drop it"


@dataclass(frozen=True)
class Shape:
    """What a table will look like: (column, type without collation) in order, its key, and its NOT NULL columns."""

    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    required: frozenset[str]

    def names(self) -> set[str]:
        return {name for name, _ in self.columns}


@dataclass(frozen=True)
class Obstacle:
    """What cannot be kept, and the way out."""

    what: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.what} (way out: {self.way_out})"


def shape_of(table: Table) -> Shape:
    widths = key_widths(table)
    columns = []
    for column in table.columns:
        sized = f"NVARCHAR({widths[column.name]})" if column.name in widths else column_type(column.type).text
        columns.append((column.name, sized))
    return Shape(tuple(columns), table.key, required_columns(table))


def shape_now(live: Live) -> Shape:
    columns = [column for column in live.columns if not column.computed]
    required = frozenset(column.name for column in columns if not column.nullable)
    return Shape(tuple((column.name, _bare(column.spelled)) for column in columns), live.key, required)


def swap_obstacles(inspector: Inspector, schema: str, live: Live, after: Shape | None) -> list[Obstacle]:
    """What would be lost or left behind if the table were swapped for one of the shape `after`; None: it goes."""
    place = f"{schema}.{live.name}"
    found = [Obstacle(f"{place}: {why}", REFILL) for why in live.tied]
    found += [
        Obstacle(f"{each} is bound to {place} by SCHEMABINDING", REFILL) for each in live.dependants if each.bound
    ]
    loose = [each for each in live.dependants if not each.bound]
    if after is None:
        found += [Obstacle(f"{each} reads {place}, which goes", _MEND) for each in loose]
        found += [Obstacle(f"{key} points at {place}, which goes", _MEND) for key in live.pointing_in]
        found += [Obstacle(f"{each.text} is on {place}, which goes", _MEND) for each in live.predicates]
        return found
    gone = live.column_names() - after.names()
    found += [
        Obstacle(f"{each} reads {place}.{', '.join(read)}, which goes", _MEND)
        for each in loose
        if (read := inspector.columns_read((each.schema, each.name), (schema, live.name), gone))
    ]
    found += [o for key in live.pointing_in if (o := _key_obstacle(key, live, after, place))]
    found += [
        Obstacle(f"{key} is on a column of {place} that goes", _MEND)
        for key in live.pointing_out
        if {column for column, _ in key.pairs} & gone
    ]
    types = dict(after.columns)
    found += [
        Obstacle(f"index {index.name} is on {place}.{name}, which becomes {types[name]}", "list it under `indexes:`")
        for index in kept_indexes(live, types)
        for name, _ in index.keys
        if types[name].endswith("(MAX)")
    ]
    return found + _texts_in_the_way(live, gone, place) + _triggers_in_the_way(inspector, schema, live, gone)


def refill_obstacles(
    inspector: Inspector, schema: str, live: Live, after: Shape, *, versioned: bool, database: str
) -> list[Obstacle]:
    """What keeps the table from being emptied and filled again with rows of the shape `after`."""
    place = f"{schema}.{live.name}"
    found = []
    if not versioned:
        found.append(
            Obstacle(
                f"readers of {place} would wait for the whole refill, for database {database} has no row versioning",
                f"ALTER DATABASE {Name(database)} SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE",
            )
        )
    swap = "set `replace: swap` for the board in boardlift.yaml: a swap carries it over"
    found += [Obstacle(f"{each.text} hides rows of {place} from a refill", swap) for each in live.predicates]
    found += [Obstacle(f"{key} points at rows of {place}", swap) for key in live.pointing_in if key.enabled]
    found += [
        Obstacle(
            f"index {index.name} of {place} would leave rows out that repeat a key, without a word",
            "make it without IGNORE_DUP_KEY",
        )
        for index in live.indexes
        if "IGNORE_DUP_KEY = ON" in index.options
    ]
    found += [
        Obstacle(f"trigger {each.name} of {place} takes the place of its INSERT or DELETE", _MEND)
        for each in live.triggers
        if each.instead and each.enabled
    ]
    now = shape_now(live)
    if now.key != after.key:
        found.append(Obstacle(f"the key of {place} changes", swap))
    before = dict(now.columns)
    wanted = dict(after.columns)
    going = {name for name, type_ in before.items() if wanted.get(name) != type_}
    # What takes NULL only now, or no longer.
    other = {name for name in before.keys() - going if (name in now.required) != (name in after.required)}
    changing = going | other
    if not changing:
        return found
    found += [Obstacle(f"the key of {place} is on a column that changes", swap)] if changing & set(now.key) else []
    for each in live.dependants:
        asked = (going - wanted.keys()) | (other if each.bound else set())
        read = inspector.columns_read((each.schema, each.name), (schema, live.name), asked)
        if read or (each.bound and going):
            found.append(Obstacle(f"{each} is built on columns of {place} that change", _MEND))
    ours = [index for index in live.indexes if not index.name.startswith(INDEX_PREFIX)]
    held = [(f"index {i.name}", i.columns) for i in ours] + [
        (f"statistics {z.name}", set(z.columns)) for z in live.statistics
    ]
    held += [(str(key), {column for column, _ in key.pairs}) for key in live.pointing_out]
    found += [Obstacle(f"{what} is on a column of {place} that changes", _MEND) for what, on in held if on & changing]
    return found + _texts_in_the_way(live, changing, place)


def peoples_columns(schema: str, live: Live, held: Live | None) -> list[Obstacle]:
    """Columns that people added, whose values no new generation has. `held` is the sealed copy of a refilled table.

    None are known on a table that an older release made, which did not count its columns.
    """
    if held is not None:
        ours = held.column_names()
    elif live.made:
        ours = {column.name for column in live.columns[: live.made]}
    else:
        return []
    way_out = f"keep it in a table of your own, joined by {', '.join(live.key) or 'item_id'}, and drop it here"
    return [
        Obstacle(f"column {column.name} of {schema}.{live.name} is not the board's and would lose its values", way_out)
        for column in live.columns
        if column.name not in ours and not column.computed
    ]


def carried(live: Live, after: Shape) -> list[str]:
    """What a swap makes again or binds again, object by object."""
    names = after.names()
    found = [f"{_STATES.get(grant.state, 'grant')} {grant.permission} to {grant.grantee}" for grant in live.grants]
    found += [f"{'constraint' if i.constraint else 'index'} {i.name}" for i in kept_indexes(live, names)]
    found += [f"constraint {each.name}" for each in live.checks]
    found += [f"default {each.name}" for each in live.defaults if each.column in names]
    found += [str(key) for key in (*live.pointing_in, *live.pointing_out)]
    found += [f"trigger {each.name}" for each in live.triggers]
    found += [each.text for each in live.predicates]
    found += [f"statistics {each.name}" for each in live.statistics if set(each.columns) <= names]
    found += [f"masking of {column.name}" for column in live.columns if column.mask and column.name in names]
    found += [f"extended property {each.name}" for each in live.properties if each.name != LABEL]
    found += [str(each) for each in live.dependants if not each.bound]
    found += [f"owner {live.owner}"] if live.explicit_owner else []
    return list(dict.fromkeys(found))


def kept_indexes(live: Live, names: Iterable[str]) -> list[IndexFact]:
    """The indexes and UNIQUE constraints that people made, as far as all their columns stay."""
    there = set(names)
    made = (i for i in live.indexes if not i.primary and not i.name.startswith(INDEX_PREFIX))
    return [index for index in made if index.columns <= there]


_STATES = {"D": "denial of", "R": "revocation of"}


def _key_obstacle(key: ForeignKey, live: Live, after: Shape, place: str) -> Obstacle | None:
    columns = tuple(column for _, column in key.pairs)
    before, wanted = dict(shape_now(live).columns), dict(after.columns)
    unique = [after.key] + [
        tuple(name for name, _ in index.keys)
        for index in kept_indexes(live, wanted)
        if index.unique and not index.filtered
    ]
    if not any(set(columns) == set(found) for found in unique if found):
        return Obstacle(f"{key} points at columns of {place} that will no longer be unique", _MEND)
    if any(before.get(column) != wanted.get(column) for column in columns):
        return Obstacle(f"{key} points at a column of {place} whose type changes", _MEND)
    return None


def _texts_in_the_way(live: Live, gone: set[str], place: str) -> list[Obstacle]:
    """SQL Server writes column names in brackets wherever it keeps an expression."""
    told = [(f"constraint {each.name}", each.definition) for each in live.checks]
    told += [(each.text, each.definition) for each in live.predicates]
    told += [
        (f"index {i.name}", i.filtered) for i in live.indexes if i.filtered and i.columns <= live.column_names() - gone
    ]
    return [
        Obstacle(f"{what} is about a column of {place} that goes", _MEND)
        for what, text in told
        if any(Name(column).text in text for column in gone)
    ] + [
        Obstacle(f"constraint {index.name} is on a column of {place} that goes", _MEND)
        for index in live.indexes
        if index.constraint and index.columns & gone
    ]


def _triggers_in_the_way(inspector: Inspector, schema: str, live: Live, gone: set[str]) -> list[Obstacle]:
    place = f"{schema}.{live.name}"
    found = []
    for trigger in live.triggers:
        if why := _not_to_be_made_again(trigger, schema, live.name):
            found.append(Obstacle(f"trigger {trigger.name} of {place} {why}", REFILL))
        elif read := inspector.columns_read((schema, trigger.name), (schema, live.name), gone):
            found.append(Obstacle(f"trigger {trigger.name} reads {place}.{', '.join(read)}, which goes", _MEND))
    return found


def _not_to_be_made_again(trigger: Trigger, schema: str, table: str) -> str:
    if not trigger.definition:
        return "is encrypted, so it cannot be made again on the new table"
    if not trigger.ordinary:
        return "was made with ANSI_NULLS or QUOTED_IDENTIFIER off"
    if not re.search(rf"\bTRIGGER\s+(?:{_NAME}\s*\.\s*)?{_spelling(trigger.name)}(?!\w)", trigger.definition, re.I):
        return "was renamed after it was made, so its text makes another one"
    if not _names(schema, table)(trigger.definition):
        return "names its table without the schema, so where it would be made again is not certain"
    return ""


_NAME = r"""(?:\[(?:[^\]]|\]\])+\]|"(?:[^"]|"")+"|[\w@$#]+)"""


def _names(schema: str, table: str) -> Callable[[str], object]:
    """Whether a trigger's text says ON schema.table, in any way of quoting."""
    path = r"\s*\.\s*".join(_spelling(part) for part in (schema, table))
    return re.compile(rf"\bON\s+{path}(?!\w)", re.I).search


def _spelling(name: str) -> str:
    ways = (Name(name).text, '"' + name.replace('"', '""') + '"', name)
    return f"(?:{'|'.join(re.escape(way) for way in ways)})"


def _bare(spelled: str) -> str:
    return spelled.partition(" COLLATE ")[0]
