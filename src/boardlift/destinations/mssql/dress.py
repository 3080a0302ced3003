"""The statements that give an incoming table what hung on the one it replaces.

What takes time is done while nobody reads the table (`prebuild`), the rest within the swap: `bare` takes from the
outgoing table what may exist once only, `dress` puts it on its successor, `bind` ties to it what lies elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from boardlift.destinations.mssql.ddl import LABEL, part_property_statement
from boardlift.destinations.mssql.mask import mask_statements
from boardlift.destinations.mssql.objects import (
    Dependant,
    ForeignKey,
    Grant,
    Live,
    Property,
    Trigger,
    escalation_statement,
)
from boardlift.destinations.mssql.obstacles import kept_indexes
from boardlift.destinations.mssql.sql import Name, Text, rename
from boardlift.shape.sql import SQL, Composable

_LATER = ("CONSTRAINT", "TRIGGER")  # whose own names are free only when the outgoing table is gone


def prebuild(schema: str, place: str, before: Live, staged: Live) -> list[Composable]:
    """Masks, indexes, constraints and statistics of `before` for the staged table, unless it has one like it."""
    target = Name(schema, place)
    # First, for a column that something depends on takes no mask.
    statements = mask_statements(target, before, staged)
    there_by_name = {index.name: index for index in staged.indexes}
    for index in kept_indexes(before, staged.column_names()):
        name = passing_name(place, index.name) if index.constraint else index.name
        twin = there_by_name.get(name) or there_by_name.get(index.name)
        if twin is not None and twin.shape == index.shape:
            continue
        if twin is not None:  # a kept table may have an index that was made anew since
            statements.append(twin.dropped(target))
        statements += index.remade(name, target)
    checks = {check.name for check in staged.checks}
    for check in before.checks:
        if passing_name(place, check.name) not in checks and check.name not in checks:
            statements += check.made(passing_name(place, check.name), target)
    there = {statistic.name for statistic in staged.statistics}
    return statements + [
        each.made(target)
        for each in before.statistics
        if each.name not in there and set(each.columns) <= staged.column_names()
    ]


def passing_name(place: str, name: str) -> str:
    """What a constraint is called until the one before it has gone: names count within a schema."""
    return f"boardlift_{hashlib.sha256(f'{place}.{name}'.encode()).hexdigest()[:24]}"


def entrust(schema: str, place: str, before: Live, staged: Live) -> list[Composable]:
    """Owner, permissions and properties, for the table that is in the live schema but has not its name yet."""
    target = Name(schema, place)
    columns = staged.column_names()
    statements: list[Composable] = []
    if before.explicit_owner:
        statements.append(SQL("ALTER AUTHORIZATION ON OBJECT::{} TO {}").format(target, Name(before.owner)))
    elif staged.explicit_owner:
        statements.append(SQL("ALTER AUTHORIZATION ON OBJECT::{} TO SCHEMA OWNER").format(target))
    if before.escalation != staged.escalation:
        statements.append(escalation_statement(target, before.escalation))
    # One on the whole table takes those on columns away that were given before it; and whoever passes a permission on
    # must hold it first.
    ordered = sorted(
        before.grants, key=lambda grant: (bool(grant.column), grant.state != "W", grant.grantor != before.owner)
    )
    statements += [
        _grant(target, grant, before.owner) for grant in ordered if not grant.column or grant.column in columns
    ]
    return statements + _properties((schema, place), before, staged, later=False)


def bare(schema: str, live: Live) -> list[Composable]:
    """Take from a table that is about to leave what its successor will have under the same name, or tied to it."""
    target = Name(schema, live.name)
    statements = [predicate.dropped(target) for predicate in live.predicates]
    statements += [key.dropped for key in (*live.pointing_in, *live.pointing_out)]
    statements += [SQL("DROP TRIGGER {}").format(Name(schema, trigger.name)) for trigger in live.triggers]
    own = [each.name for each in live.checks] + [each.name for each in live.defaults]
    own += [index.name for index in live.indexes if index.constraint and not index.primary]
    return statements + [SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(target, Name(name)) for name in own]


def bare_unpaired(schema: str, live: Live) -> list[Composable]:
    """The same for a table that has no successor: what is tied to the table alone goes with it."""
    return [key.dropped for key in live.pointing_out if key.child == (schema, live.name)]


def dress(schema: str, place: str, before: Live, staged: Live) -> list[Composable]:
    """Names of constraints, defaults, and properties of both, on the successor under its own name."""
    target = Name(schema, before.name)
    columns = staged.column_names()
    constraints = [check.name for check in before.checks]
    constraints += [index.name for index in kept_indexes(before, columns) if index.constraint]
    have = {check.name for check in staged.checks} | {index.name for index in staged.indexes}
    statements = [rename(schema, passing_name(place, name), name) for name in constraints if name not in have]
    return statements + [
        default.made(target)
        for default in before.defaults
        if default.column in columns and default.column not in {each.column for each in staged.defaults}
    ]


def late_properties(schema: str, before: Live, staged: Live) -> list[Composable]:
    """Extended properties of constraints and triggers, once these are there."""
    return _properties((schema, before.name), before, staged, later=True)


def trigger_batches(schema: str, before: Live) -> list[Composable]:
    """Each a batch of its own, for CREATE TRIGGER begins one."""
    found = []
    for trigger in before.triggers:
        # The text it was made with, as SQL Server keeps it.
        found.append(Composable(trigger.definition))
        found += _settle(schema, before.name, trigger)
    return found


def bind(schema: str, live: Iterable[Live]) -> list[Composable]:
    """Foreign keys, each once, and security policies, when all tables are in place."""
    tables = list(live)
    keys: dict[tuple[tuple[str, str], str], ForeignKey] = {}
    for table in tables:
        keys |= {(key.child, key.name): key for key in (*table.pointing_in, *table.pointing_out)}
    statements = [statement for key in keys.values() for statement in key.made]
    return statements + [p.made(Name(schema, table.name)) for table in tables for p in table.predicates]


def refresh(views: Sequence[Dependant]) -> list[Composable]:
    """A view remembers the columns it had; those that read a table of a new shape look again."""
    return [SQL("EXEC sys.sp_refreshview {}").format(Text(Name(view.schema, view.name).text)) for view in views]


def lost(before: Live, after: Live) -> list[str]:
    """What the successor should have and has not, after everything is done; empty when it is as it should be."""
    columns = after.column_names()
    found = []
    for what, had, has in (
        ("permission", _granted(before, columns), _granted(after, columns)),
        (
            "extended property",
            {p for p in before.properties if p.name != LABEL and _stays(p, columns)},
            set(after.properties),
        ),
        (
            "trigger",
            {(t.name, t.enabled, t.instead) for t in before.triggers},
            {(t.name, t.enabled, t.instead) for t in after.triggers},
        ),
        ("security predicate", set(before.predicates), set(after.predicates)),
        ("foreign key", {*before.pointing_in, *before.pointing_out}, {*after.pointing_in, *after.pointing_out}),
        ("constraint", {c.name for c in before.checks}, {c.name for c in after.checks}),
        ("default", {d for d in before.defaults if d.column in columns}, set(after.defaults)),
        (
            "index",
            {(i.name, i.shape) for i in kept_indexes(before, columns)},
            {(i.name, i.shape) for i in after.indexes},
        ),
        (
            "statistics",
            {z.name for z in before.statistics if set(z.columns) <= columns},
            {z.name for z in after.statistics},
        ),
        ("mask", _masks(before, columns), _masks(after, columns)),
        ("owner", {before.owner}, {after.owner}),
    ):
        found += [f"{what} {each}" for each in sorted(map(str, set(had) - set(has)))]
    return found


def _granted(live: Live, columns: set[str]) -> set[Grant]:
    return {grant for grant in live.grants if not grant.column or grant.column in columns}


def _masks(live: Live, columns: set[str]) -> set[tuple[str, str]]:
    return {(column.name, column.mask) for column in live.columns if column.mask and column.name in columns}


def _stays(each: Property, columns: set[str]) -> bool:
    return each.kind == "TABLE" or (each.kind == "COLUMN" and each.part in columns)


def _properties(place: tuple[str, str], before: Live, staged: Live, *, later: bool) -> list[Composable]:
    there = {(each.kind, each.part, each.name) for each in staged.properties}
    return [
        part_property_statement(
            place,
            each.name,
            each.value,
            "" if each.kind == "TABLE" else each.kind,
            each.part,
            again=(each.kind, each.part, each.name) in there,
        )
        for each in _wanting_properties(before, staged)
        if (each.kind in _LATER) is later
    ]


def _wanting_properties(before: Live, staged: Live) -> list[Property]:
    """Those that the incoming table has not, or with another value; the label that it has is its own."""
    have = set(staged.properties)
    labels = {(each.kind, each.part) for each in staged.properties if each.name == LABEL}
    columns = staged.column_names()
    kept = {index.name for index in kept_indexes(before, columns)}
    return [
        each
        for each in before.properties
        if each not in have
        and (each.name != LABEL or (each.kind, each.part) not in labels)
        and (each.kind in ("TABLE", *_LATER) or each.part in (columns if each.kind == "COLUMN" else kept))
        and (each.kind != "CONSTRAINT" or each.part not in {index.name for index in before.indexes if index.primary})
    ]


def _grant(target: Composable, grant: Grant, owner: str) -> Composable:
    verb = {"D": SQL("DENY"), "R": SQL("REVOKE")}.get(grant.state, SQL("GRANT"))
    column = SQL(" ({})").format(Name(grant.column)) if grant.column else SQL("")
    statement = SQL("{} {} ON OBJECT::{}{} {} {}").format(
        verb,
        PERMISSIONS[grant.permission],
        target,
        column,
        SQL("FROM") if grant.state == "R" else SQL("TO"),
        Name(grant.grantee),
    )
    if grant.state == "W":
        statement += SQL(" WITH GRANT OPTION")
    if grant.grantor not in {owner, "dbo"}:
        statement += SQL(" AS {}").format(Name(grant.grantor))
    return statement


PERMISSIONS: dict[str, Composable] = {
    "SELECT": SQL("SELECT"),
    "INSERT": SQL("INSERT"),
    "UPDATE": SQL("UPDATE"),
    "DELETE": SQL("DELETE"),
    "REFERENCES": SQL("REFERENCES"),
    "ALTER": SQL("ALTER"),
    "CONTROL": SQL("CONTROL"),
    "TAKE OWNERSHIP": SQL("TAKE OWNERSHIP"),
    "VIEW CHANGE TRACKING": SQL("VIEW CHANGE TRACKING"),
    "VIEW DEFINITION": SQL("VIEW DEFINITION"),
    "UNMASK": SQL("UNMASK"),
}


def _settle(schema: str, table: str, trigger: Trigger) -> list[Composable]:
    statements = []
    if not trigger.enabled:
        statements.append(SQL("DISABLE TRIGGER {} ON {}").format(Name(schema, trigger.name), Name(schema, table)))
    for order, events in ((SQL("N'First'"), trigger.first), (SQL("N'Last'"), trigger.last)):
        statements += [
            SQL("EXEC sys.sp_settriggerorder @triggername = {}, @order = {}, @stmttype = {}").format(
                Text(Name(schema, trigger.name).text), order, Text(event)
            )
            for event in events
        ]
    return statements
