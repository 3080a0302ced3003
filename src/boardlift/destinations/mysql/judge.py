"""What a generation would do to what people put on the live table: carried over, or in the way. Changes nothing.

Grants and views go by name, so they stay. What is part of the table itself (indexes, CHECKs, comments, options) is
made again on the staged table before the swap. What is tied to the table's identity (triggers, foreign keys) cannot
change tables in the same statement as the names, so a swap refuses it, and `replace: in_place` keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from boardlift.destinations.interface import Replace, Replacement
from boardlift.destinations.mysql import inspect, views
from boardlift.destinations.mysql.ddl import column_type, comment, keyed_texts
from boardlift.destinations.mysql.inspect import LiveColumn, Member, Relation
from boardlift.destinations.mysql.made import Made
from boardlift.destinations.mysql.refill import doubtful
from boardlift.destinations.mysql.session import Session
from boardlift.shape.sql import SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table
from boardlift.shape.types import Kind

_DEFAULT = re.compile(r" DEFAULT (?!NULL\b)(\S+)")
_COLLATE = re.compile(r" COLLATE (\w+)")
_SWAP_ONCE = "let it be swapped once, without `replace: in_place`"
STAY = "`replace: in_place` in boardlift.yaml keeps it"


@dataclass(frozen=True)
class Successor:
    """What will be in the place of a live table: its columns with comparable types and comments, and its key."""

    columns: dict[str, str]
    required: frozenset[str]
    key: tuple[str, ...]
    comments: dict[str, str]

    @classmethod
    def of_table(cls, table: Table, session: Session) -> Successor:
        """What a table will be when it is staged here."""
        widths = keyed_texts(table)
        spelled = {}
        for column in table.columns:
            text = "json" if column.type.kind is Kind.JSON else column_type(column.type, widths.get(column.name)).text
            spelled[column.name] = inspect.comparable(session, text, "")
        required = {column.name for column in table.columns if not column.nullable or column.name in table.key}
        labels = {column.name: comment(column.label, 1024) for column in table.columns}
        return cls(spelled, frozenset(required), table.key, labels)

    @classmethod
    def of_relation(cls, stored: Relation) -> Successor:
        """What a stored table is. Columns that a person had generated are not part of it."""
        mine = [column for column in stored.columns if not column.generated]
        return cls(
            {column.name: column.type for column in mine},
            frozenset(column.name for column in mine if column.required),
            stored.key,
            {column.name: column.comment for column in mine},
        )


def judge(
    session: Session,
    live: Relation | None,
    before: Made | None,
    after: Successor | None,
    table: str,
    way: Replace,
) -> Replacement:
    """How `table` goes live. `live` is what is there, None when nothing is; `after` is None when it will be gone.

    `before` is what boardlift made of the live table, None when that is not known.
    """
    if live is None:
        return Replacement(table, way, "it is not live yet, so it takes the place of nothing")
    if after is None:
        built = [*_identity(live, "drop it first"), *_theirs(session, live, before), *_views_lost(session, live, None)]
        return Replacement(
            table, way, "the new generation has no such table; it is kept with the old one", (), _once(built)
        )
    gone = vanishing(live, before, after)
    if way is Replace.SWAP:
        obstacles = [*_identity(live, STAY), *_not_swapped(session, live, after), *_required(live, before, after)]
        left = [index.name for index in live.indexes if not inspect.is_ours(index) and index.columns & gone]
        why = "one RENAME TABLE puts the new table under the name, by which grants and views go"
        if left:
            why += f"; an index on a column that is gone is left out: {', '.join(left)}"
        carried = [*_named(session, live), *(str(what) for what in _carried(live, gone))]
    else:
        obstacles = _not_refilled(session, live, before, after, gone)
        why = "the live table is emptied and filled again in one transaction, so what hangs on it stays as it is"
        if live.triggers:
            why += "; its triggers fire for every row"
        carried = [*_named(session, live), *(f"trigger {name}" for name, _ in live.triggers)]
        carried += [f"foreign key {member.name}" for member in live.outgoing] + [str(key) for key in live.incoming]
        carried += [str(what) for what in _carried(live, gone)]
    obstacles += [*_retyped(live, before, after), *_theirs(session, live, before)]
    obstacles += _views_lost(session, live, [*after.columns, *(extra(live, before, after))])
    return Replacement(table, way, why, tuple(carried), _once(obstacles))


def _once(obstacles: Iterable[str]) -> tuple[str, ...]:
    """Each obstacle once, in the order found."""
    return tuple(dict.fromkeys(obstacles))


def vanishing(live: Relation, before: Made | None, after: Successor) -> set[str]:
    """Columns of boardlift's that the live table has and its successor has not."""
    mine = set((before or Made.of_relation(live)).columns)
    return {column.name for column in live.columns if column.name in mine} - set(after.columns)


def extra(live: Relation, before: Made | None, after: Successor) -> list[str]:
    """Columns that stay when a table is filled in place: a person added them."""
    gone = vanishing(live, before, after)
    return [column.name for column in live.columns if column.name not in after.columns and column.name not in gone]


def carried_members(live: Relation, staged: Relation) -> tuple[list[Member], list[Member]]:
    """Indexes and CHECKs of a live table that its successor must get before the swap, as far as it has the columns."""
    columns = {column.name for column in staged.columns}
    there = {index.name for index in staged.indexes}
    indexes = [
        index
        for index in live.indexes
        if not inspect.is_ours(index) and index.columns <= columns and index.name not in there
    ]
    have = {check.name for check in staged.checks}
    return indexes, [check for check in live.checks if check.name not in have]


def _identity(live: Relation, way_out: str) -> list[str]:
    """What is tied to the table, and not to its name."""
    found = [f"trigger {name} on {live.name} ({way_out})" for name, _ in live.triggers]
    found += [f"{key}, which points at {live.name} ({way_out})" for key in live.incoming]
    return found + [f"foreign key {member.name} of {live.name} ({way_out})" for member in live.outgoing]


def _not_swapped(session: Session, live: Relation, after: Successor) -> list[str]:
    found = [f"generated column {column.name} of {live.name} ({STAY})" for column in live.columns if column.generated]
    if live.special:
        found.append(f"{live.special} of {live.name} ({STAY})")
    found += _other_engine(live)
    found += [
        f"{what} of column {column.name} of {live.name} ({STAY})"
        for column in live.columns
        if column.name in after.columns and not column.generated and (what := _redefined(session, column))
    ]
    changed = {c.name for c in live.columns if after.columns.get(c.name, c.type) != c.type}
    found += [
        f"index {index.name} of {live.name} on {touched[0]}, whose type changes (drop the index)"
        for index in live.indexes
        if not inspect.is_ours(index) and (touched := sorted(index.columns & changed))
    ]
    for check in live.checks:
        if not session.mariadb:  # there its name belongs to the whole database, kept generations included
            found.append(f"constraint {check.name} of {live.name} ({STAY})")
        elif lost := sorted(check.columns - set(after.columns)):
            found.append(f"constraint {check.name} of {live.name}, which asks for {lost[0]} (drop the constraint)")
    return found + [
        f"constraint on column {name} of {live.name} (make it a constraint of the table)"
        for name in _column_checks(session, live)
    ]


def _redefined(session: Session, column: LiveColumn) -> str:
    """What a person changed in the definition of a column; boardlift writes none of these."""
    words = column.definition.removeprefix(Identifier(column.name).text)
    if found := _DEFAULT.search(words):
        return f"DEFAULT {found[1]}"
    if " INVISIBLE" in words:
        return "INVISIBLE"
    collation = _COLLATE.search(words)
    if column.type != "json" and collation and collation[1] != session.collation.text:
        return f"COLLATE {collation[1]}"
    return ""


def _other_engine(live: Relation) -> list[str]:
    if live.engine in ("", "InnoDB"):
        return []
    return [f"ENGINE {live.engine} of {live.name} (ALTER TABLE ... ENGINE = InnoDB)"]


def _theirs(session: Session, live: Relation, before: Made | None) -> list[str]:
    """Columns with values that people added since the table went live; a new generation has none of these."""
    if before is None:
        return []
    ours = {*before.columns} | doubtful(session, before.hidden, live.name)
    return [
        f"column {column.name} of {live.name}, which is not the board's and would lose its values"
        f" (keep it in a table of your own, joined by {', '.join(live.key) or 'item_id'}, and drop it here)"
        for column in live.columns
        if column.name not in ours and not column.generated
    ]


def _retyped(live: Relation, before: Made | None, after: Successor) -> list[str]:
    """Columns whose type a person changed: made again in it, values could be cut or rounded without a word."""
    found = []
    for column in live.columns:
        made, _ = before.columns.get(column.name, ("", False)) if before else ("", False)
        if made and not column.generated and column.name in after.columns and column.type != made:
            back = SQL("ALTER TABLE {} MODIFY {} {}").format(live.place, Identifier(column.name), Composable(made))
            found.append(
                f"type {column.type} of column {column.name} of {live.name}, which was {made}"
                f" (name the type in boardlift.yaml, or {back.text.replace(chr(34), '`')})"
            )
    return found


def _required(live: Relation, before: Made | None, after: Successor) -> list[str]:
    """NOT NULL that a person set or took away."""
    found = []
    for column in live.columns:
        _, required = before.columns.get(column.name, ("", column.required)) if before else ("", column.required)
        if column.name in after.columns and not column.generated and column.required != required:
            what = "NOT NULL" if column.required else "NULL in place of NOT NULL"
            found.append(f"{what} of column {column.name} of {live.name} ({STAY})")
    return found


def _column_checks(session: Session, live: Relation) -> list[str]:
    """Columns with a CHECK in their own definition, other than the one by which MariaDB makes a text JSON."""
    if not session.mariadb:
        return []
    rows = session.ask(
        SQL(
            "SELECT constraint_name FROM information_schema.check_constraints"
            " WHERE constraint_schema = {} AND table_name = {} AND level = 'Column'"
            " AND check_clause NOT LIKE 'json\\_valid(%' ESCAPE '\\' ORDER BY 1"
        ).format(Literal(live.namespace), Literal(live.name))
    )
    return [str(name) for (name,) in rows]


def _not_refilled(session: Session, live: Relation, before: Made | None, after: Successor, gone: set[str]) -> list[str]:
    found = _other_engine(live)  # what another engine has deleted no ROLLBACK brings back
    if live.key != after.key:
        found.append(f"the key of {live.name}, which changes ({_SWAP_ONCE})")
    made = before.columns if before else {}
    for column in live.columns:
        wanted = after.columns.get(column.name)
        type_, required = made.get(column.name, (column.type, column.required))
        place = f"column {column.name} of {live.name}"
        if wanted is None:
            continue
        if column.generated:
            found.append(f"generated {place}, whose name the board takes (rename it)")
        elif wanted != column.type == type_:
            found.append(f"{place}, which changes from {column.type} to {wanted} ({_SWAP_ONCE})")
        elif column.required and required and column.name not in after.required:
            found.append(f"{place}, which may be empty from now on ({_SWAP_ONCE})")
    if gone or any(live.column(name) is None for name in after.columns):
        found += _not_altered(session, live)
    return found + _lost_to(live, gone)


def _lost_to(live: Relation, gone: set[str]) -> list[str]:
    """What asks for columns that go."""
    asking = [(f"constraint {one.name} of {live.name}", one.columns, "constraint") for one in live.checks]
    asking += [(f"foreign key {one.name} of {live.name}", one.columns, "foreign key") for one in live.outgoing]
    asking += [
        (f"{key}, which points at {live.name}", {ours for _, ours in key.pairs}, "foreign key") for key in live.incoming
    ]
    for column in live.columns:
        if column.generated:
            names = Member(column.name, column.definition).columns
            asking.append((f"generated column {column.name} of {live.name}", names, "column"))
    for trigger, body in live.triggers:
        asking.append((f"trigger {trigger} on {live.name}", {n for n in gone if _row_column(body, n)}, "trigger"))
    return [
        f"{what}: it asks for {min(names & gone)} (drop the {kind})" for what, names, kind in asking if names & gone
    ]


def _not_altered(session: Session, live: Relation) -> list[str]:
    """What keeps a column from coming or going within milliseconds."""
    found = []
    if not session.instant_columns:
        found.append(f"the columns of {live.name}, which come and go at once since MySQL 8.0.29 alone ({_SWAP_ONCE})")
    found += [
        f"virtual column {column.name} of {live.name}, with which columns cannot come and go at once (make it STORED)"
        for column in live.columns
        if column.generated and " STORED" not in column.definition
    ]
    if any("FULLTEXT" in index.text.split('"')[0] for index in live.indexes):
        found.append(f"a FULLTEXT index of {live.name}, with which columns cannot come and go at once (drop it)")
    if ("ROW_FORMAT", "COMPRESSED") in live.options:
        found.append(f"ROW_FORMAT=COMPRESSED of {live.name}, with which columns cannot come and go at once (change it)")
    if live.special:
        found.append(f"{live.special} of {live.name}, with which columns cannot come and go at once (remove it)")
    return found


def _row_column(body: str, name: str) -> bool:
    """Whether a trigger speaks of NEW.name or OLD.name."""
    quoted = re.escape(name)
    return bool(re.search(rf"\b(?:NEW|OLD)\s*\.\s*[`\"]?{quoted}(?!\w)", body, re.I))


def _views_lost(session: Session, live: Relation, columns: list[str] | None) -> list[str]:
    found = []
    if columns is not None and {column.name for column in live.columns} <= set(columns):
        return []
    for view in views.on(session, live.namespace, live.name):
        if columns is None:
            found.append(f"{view}, which asks for {live.name} (drop the view)")
        elif trouble := views.trouble(session, view, live.namespace, live.name, columns):
            found.append(f"{view}, {trouble}")
    return found + [
        f"{view}, which cannot be checked, for this user may not read its query"
        f" (GRANT SELECT, SHOW VIEW ON {view.namespace}.{view.name} TO <user>)"
        for view in views.unreadable(session)
    ]


def _carried(live: Relation, gone: set[str]) -> list[str]:
    found = [f"index {index.name}" for index in live.indexes if not inspect.is_ours(index) and not index.columns & gone]
    found += [f"constraint {check.name}" for check in live.checks]
    return found + [
        f"option {name}={value}" for name, value in live.options if (name, value) != ("ROW_FORMAT", "DYNAMIC")
    ]


def _named(session: Session, live: Relation) -> list[str]:
    """Grants and views, which go by name."""
    where = SQL(" WHERE table_schema = {} AND table_name = {}").format(Literal(live.namespace), Literal(live.name))
    rows = session.ask(
        SQL("SELECT grantee, group_concat(privilege_type ORDER BY 1 SEPARATOR ', '), '' FROM")
        + SQL(" information_schema.table_privileges")
        + where
        + SQL(" GROUP BY grantee UNION ALL SELECT grantee, privilege_type, group_concat(column_name ORDER BY 1")
        + SQL(" SEPARATOR ', ') FROM information_schema.column_privileges")
        + where
        + SQL(" GROUP BY grantee, privilege_type ORDER BY 1, 3, 2")
    )
    found = [f"grant of {what}{f' ({columns})' if columns else ''} to {who}" for who, what, columns in rows]
    return found + [str(view) for view in views.on(session, live.namespace, live.name)]
