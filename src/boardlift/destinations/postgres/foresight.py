"""How the tables of a group would go live, said in advance from what PostgreSQL's catalogue holds now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from boardlift.destinations.interface import Generation, Replace, Replacement
from boardlift.destinations.postgres import change as changing
from boardlift.destinations.postgres import obstacles, questions
from boardlift.destinations.postgres import rebind as rebinding
from boardlift.destinations.postgres import snapshot as snapshots
from boardlift.destinations.postgres.book import Made, Member
from boardlift.destinations.postgres.change import Change, Obstacle
from boardlift.destinations.postgres.ddl import brackets, type_name
from boardlift.destinations.postgres.rehearse import rehearse
from boardlift.destinations.postgres.session import Session
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot, describe, spelled
from boardlift.shape.sql import SQL
from boardlift.shape.table import Table

_CARRIED = ("index", "check", "foreign", "trigger", "rule", "policy", "statistics", "publication")


Wanted = tuple[Sequence[Table], Generation | None, Replace]
"""The new tables of a group, its live generation, and the way."""


def foresee(
    session: Session, namespace: str, groups: Sequence[Wanted], made: Mapping[Member, Made]
) -> list[list[Replacement]]:
    """For each group one Replacement for each table, and for each that vanishes. Changes nothing."""
    names = {table.name for tables, _, _ in groups for table in tables}
    names |= {table.name for _, live, _ in groups if live for table in live.tables}
    session.send(SQL("SET search_path = pg_catalog"))
    try:
        before = snapshots.read(session.ask(questions.statement(namespace, sorted(names))))
        changes = [_changes(namespace, group, made) for group in groups]
        found = [obstacles.find(before, some) for some in changes]
        tried = [
            (change, table)
            for (tables, _, replace), some, obstacle in zip(groups, changes, found, strict=True)
            if not obstacle and replace is Replace.SWAP
            for change, table in zip_longest(some, tables)
            if before.relation(change.place)
        ]
        shapes = {change.place: brackets(table) for change, table in tried if table is not None}
        rehearsed = rehearse(session.ask, session.send, before, [change for change, _ in tried], shapes)
    finally:
        session.send(SQL("RESET search_path"))
    return [
        [_replacement(before, change, replace, [*obstacle, *rehearsed]) for change in some]
        for (_, _, replace), some, obstacle in zip(groups, changes, found, strict=True)
    ]


def _changes(namespace: str, group: Wanted, made: Mapping[Member, Made]) -> list[Change]:
    """What becomes of the tables of a group, in their order, and of those that it has no more."""
    tables, live, replace = group
    gone = {table.name for table in live.tables} - {table.name for table in tables} if live else set()
    changes = [_change(namespace, table, live, made, replace) for table in tables]
    return changes + [Change((namespace, name), Replace.SWAP, None) for name in sorted(gone)]


def _change(
    namespace: str, table: Table, live: Generation | None, made: Mapping[Member, Made], replace: Replace
) -> Change:
    columns = {column.name: type_name(column.type) for column in table.columns}
    before = made.get((live.group, live.number, table.name)) if live else None
    return Change((namespace, table.name), replace, columns, table.key, before)


def _replacement(before: Snapshot, change: Change, replace: Replace, found: Sequence[Obstacle]) -> Replacement:
    name = change.place[1]
    around = _around(before, change.place)
    mine = tuple(dict.fromkeys(str(one) for one in found if one.place == change.place or one.place in around))
    if before.relation(change.place) is None:
        return Replacement(name, replace, "it is not live yet: the staged table is moved in")
    if change.columns is None:
        return Replacement(name, replace, "the new generation has no such table: it leaves", obstacles=mine)
    if replace is Replace.IN_PLACE:
        why = "boardlift.yaml says so: the live table is refilled and stays the same object for all that names it"
        return Replacement(name, replace, why, obstacles=mine)
    carried = _carried(before, change)
    why = "the staged table takes its place in one transaction"
    if carried:
        why += ", and what is built on the live one is bound to it"
    if any(before.of("publication", change.place)):
        why += "; subscribers do not get its rows: ALTER SUBSCRIPTION ... REFRESH PUBLICATION, or `replace: in_place`"
    return Replacement(name, replace, why, carried, mine)


def _around(before: Snapshot, place: Place) -> set[Place]:
    """Relations whose obstacles are those of this table: views on it, and tables at the other end of a foreign key."""
    views = rebinding.replaced_views(before, [place])
    near = {entry.place for entry in rebinding.dependants(before, {place, *views})}
    near |= {key.place for key in before.of("foreign") if tuple(key.detail["target"]) == place}
    return near | set(views)


def _carried(before: Snapshot, change: Change) -> tuple[str, ...]:
    """In words, object by object, what a swap gives to the successor or binds again."""
    place = change.place
    gone = changing.gone(before, change)
    words = [describe(entry) for kind in _CARRIED for entry in before.of(kind, place) if not entry.columns & gone]
    words += [describe(key) for key in before.of("foreign") if key.place != place and _points(key, place)]
    views = rebinding.replaced_views(before, [place])
    words += [f"materialized view {spelled(view)} (filled anew)" for view in views]
    replaced = {place, *views}
    words += [describe(entry) for entry in rebinding.dependants(before, replaced) if not _is_matview(entry)]
    relation = before.relation(place)
    assert relation is not None
    grantees = {grantee or "PUBLIC" for grantee, _, _ in relation.detail["acl"] or ()}
    for column in before.columns(place).values():
        grantees |= {grantee or "PUBLIC" for grantee, _, _ in column.detail["acl"] or ()}
    words += [f"grants to {grantee}" for grantee in sorted(grantees - {relation.detail["owner"]})]
    if relation.detail["secured"]:
        words.append("row level security")
    return tuple(dict.fromkeys(words))


def _points(key: Entry, place: Place) -> bool:
    return tuple(key.detail["target"]) == place


def _is_matview(entry: Entry) -> bool:
    return entry.kind == "view" and entry.detail["kind"] == "m"
