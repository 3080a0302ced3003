"""What hangs on one relation and can be given to its successor before anybody waits.

Owner, grants, settings, defaults, checks, comments and statistics: the difference between what the live relation has
and what the staged one has, as statements. Run twice, there is nothing left to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from boardlift.destinations.postgres.book import Made
from boardlift.destinations.postgres.inspect import Grant, grant_statements
from boardlift.destinations.postgres.session import OUR_PATH, PEOPLES_PATH
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_STORAGE: dict[str, Composable] = {
    "p": SQL("PLAIN"),
    "e": SQL("EXTERNAL"),
    "m": SQL("MAIN"),
    "x": SQL("EXTENDED"),
}
_COMPRESSION: dict[str, Composable] = {"": SQL("DEFAULT"), "p": SQL("pglz"), "l": SQL("lz4")}


def dressing(
    old: Snapshot, place: Place, new: Snapshot, at: Place, comments: Mapping[str, str | None]
) -> list[Composable]:
    """Statements that give the relation `at` what the one at `place` has. `comments` has them by column, "" is the
    relation's own.
    """
    before, staged = old.relation(place), new.relation(at)
    assert before is not None and staged is not None
    target = Identifier(*at)
    statements = entitling(old, place, new, at)
    statements += _options(target, before.detail, staged.detail)
    statements += _place_and_kind(target, before.detail, staged.detail)
    statements += _labels(_on_relation(staged, target), before.detail, staged.detail)
    had, has = old.columns(place), new.columns(at)
    for name in has:
        if name in had:
            statements += _column(target, had[name], has[name])
    statements += _checks(target, old, place, new, at)
    statements += comment_statements(new, at, comments)
    return statements + _statistics(target, old, place, new, at)


def entitling(old: Snapshot, place: Place, new: Snapshot, at: Place) -> list[Composable]:
    """Statements that give the relation `at` the owner and the grants of the one at `place`."""
    before, staged = old.relation(place), new.relation(at)
    assert before is not None and staged is not None
    target = Identifier(*at)
    grants = grant_statements(target, _grants(new, at), _grants(old, place), set(new.columns(at)))
    if staged.detail["owner"] == before.detail["owner"]:
        return grants
    return [SQL("ALTER TABLE {} OWNER TO {}").format(target, Identifier(before.detail["owner"])), *grants]


def comment_statements(new: Snapshot, at: Place, wanted: Mapping[str, str | None]) -> list[Composable]:
    """Set the comments of a relation ("") and its columns where they are not as wanted."""
    statements = []
    target = Identifier(*at)
    staged = new.relation(at)
    if staged is not None and "" in wanted and staged.detail["comment"] != wanted[""]:
        statements.append(SQL("COMMENT ON {} IS {}").format(_on_relation(staged, target), Literal(wanted[""])))
    for name, column in new.columns(at).items():
        if name in wanted and column.detail["comment"] != wanted[name]:
            where = SQL("{}.{}").format(target, Identifier(name))
            statements.append(SQL("COMMENT ON COLUMN {} IS {}").format(where, Literal(wanted[name])))
    return statements


def generation_name(prefix: str, hidden_name: str, name: str) -> str:
    """A name that no other generation has, for an object whose familiar name another one still holds."""
    return f"{prefix}_{hashlib.sha256(f'{hidden_name}.{name}'.encode()).hexdigest()[:24]}"


def _on_relation(relation: Entry, target: Composable) -> Composable:
    what = SQL("MATERIALIZED VIEW {}") if relation.detail["kind"] == "m" else SQL("TABLE {}")
    return what.format(target)


def _grants(snapshot: Snapshot, place: Place) -> list[Grant]:
    relation = snapshot.relation(place)
    assert relation is not None
    own = [Grant("", *grant) for grant in relation.detail["acl"] or ()]
    return own + [
        Grant(name, *grant) for name, column in snapshot.columns(place).items() for grant in column.detail["acl"] or ()
    ]


def _pairs(options: list[str] | None) -> dict[str, str]:
    return dict(option.split("=", 1) for option in options or ())


def _options(target: Composable, before: dict[str, Any], staged: dict[str, Any]) -> list[Composable]:
    statements: list[Composable] = []
    for field, prefix in (("options", SQL("")), ("toast", SQL("toast."))):
        want, have = _pairs(before[field]), _pairs(staged[field])
        if gone := [key for key in have if key not in want]:
            keys = COMMA.join(prefix + Identifier(key) for key in gone)
            statements.append(SQL("ALTER TABLE {} RESET ({})").format(target, keys))
        if new := {key: value for key, value in want.items() if have.get(key) != value}:
            pairs = COMMA.join(
                SQL("{}{} = {}").format(prefix, Identifier(key), Literal(value)) for key, value in new.items()
            )
            statements.append(SQL("ALTER TABLE {} SET ({})").format(target, pairs))
    return statements


def _place_and_kind(target: Composable, before: dict[str, Any], staged: dict[str, Any]) -> list[Composable]:
    statements: list[Composable] = []
    if before["tablespace"] != staged["tablespace"]:
        space = Identifier(before["tablespace"] or "pg_default")
        statements.append(SQL("ALTER TABLE {} SET TABLESPACE {}").format(target, space))
    if before["persistence"] != staged["persistence"] and before["kind"] == "r":
        kind = SQL("UNLOGGED") if before["persistence"] == "u" else SQL("LOGGED")
        statements.append(SQL("ALTER TABLE {} SET {}").format(target, kind))
    if before["method"] != staged["method"]:
        statements.append(SQL("ALTER TABLE {} SET ACCESS METHOD {}").format(target, Identifier(before["method"])))
    identity = {"d": SQL("DEFAULT"), "n": SQL("NOTHING"), "f": SQL("FULL")}.get(before["identity"])
    if identity is not None and before["identity"] != staged["identity"]:
        statements.append(SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(target, identity))
    return statements


def _labels(on: Composable, before: dict[str, Any], staged: dict[str, Any]) -> list[Composable]:
    if before["labels"] == staged["labels"]:
        return []
    wanted = {provider: None for provider, _ in staged["labels"] or ()} | dict(before["labels"] or ())
    return [
        SQL("SECURITY LABEL FOR {} ON {} IS {}").format(Identifier(provider), on, Literal(label))
        for provider, label in wanted.items()
    ]


def _column(target: Composable, before: Entry, staged: Entry) -> list[Composable]:
    """Default, statistics target, storage, compression and options of one column."""
    had, has = before.detail, staged.detail
    parts: list[Composable] = []
    if had["default"] != has["default"] and not had["generated"]:
        default = had["default"]
        parts.append(SQL("DROP DEFAULT") if default is None else SQL("SET DEFAULT ") + Composable(default))
    if had["statistics"] != has["statistics"]:
        parts.append(SQL("SET STATISTICS {}").format(Literal(int(had["statistics"]))))
    if had["type"] == has["type"]:
        if had["storage"] != has["storage"]:
            parts.append(SQL("SET STORAGE {}").format(_STORAGE[had["storage"]]))
        if had["compression"] != has["compression"]:
            parts.append(SQL("SET COMPRESSION {}").format(_COMPRESSION[had["compression"]]))
    want, have = _pairs(had["options"]), _pairs(has["options"])
    if gone := [key for key in have if key not in want]:
        parts.append(SQL("RESET ({})").format(COMMA.join(Identifier(key) for key in gone)))
    if want and want != have:
        pairs = (SQL("{} = {}").format(Identifier(key), Literal(value)) for key, value in want.items())
        parts.append(SQL("SET ({})").format(COMMA.join(pairs)))
    name = Identifier(before.name)
    statements = [SQL("ALTER TABLE {} ALTER COLUMN {} {}").format(target, name, part) for part in parts]
    return statements + _labels(SQL("COLUMN {}.{}").format(target, name), had, has)


def _checks(target: Composable, old: Snapshot, place: Place, new: Snapshot, at: Place) -> list[Composable]:
    want = {check.name: check for check in old.of("check", place)}
    have = {check.name: check for check in new.of("check", at)}
    statements = []
    for name, check in want.items():
        there = have.pop(name, None)
        if there is None or there.detail["definition"] != check.detail["definition"]:
            if there is not None:
                statements.append(_drop_constraint(target, name))
            statements += _check(target, name, str(check.detail["definition"]))
        if check.detail["comment"] != (there.detail["comment"] if there else None):
            statements.append(constraint_comment(target, name, check.detail["comment"]))
    return [_drop_constraint(target, name) for name in have] + statements


def _check(target: Composable, name: str, definition: str) -> list[Composable]:
    """Add a check: read on our path, tried on the rows on the path of people."""
    added = SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(target, Identifier(name)) + Composable(definition)
    if definition.endswith((" NOT VALID", " NOT ENFORCED")):
        return [added]
    validate = SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(target, Identifier(name))
    return [added + SQL(" NOT VALID"), PEOPLES_PATH, validate, OUR_PATH]


def constraint_comment(target: Composable, name: str, comment: str | None) -> Composable:
    """Set or take away the comment of a constraint."""
    return SQL("COMMENT ON CONSTRAINT {} ON {} IS {}").format(Identifier(name), target, Literal(comment))


def _drop_constraint(target: Composable, name: str) -> Composable:
    return SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(target, Identifier(name))


def statistics_place(at: Place, entry: Entry) -> Place:
    """Where the successor's copy of a statistics object waits for its name."""
    return at[0], generation_name("st", at[1], entry.name)


def _statistics(target: Composable, old: Snapshot, place: Place, new: Snapshot, at: Place) -> list[Composable]:
    """Extended statistics, beside, under a name of the generation; those on a column that went are left out."""
    there = {tuple(entry.detail["place"]): entry for entry in new.of("statistics", at)}
    columns = set(new.columns(at))
    statements: list[Composable] = []
    for entry in old.of("statistics", place):
        waiting = statistics_place(at, entry)
        if waiting in there or not entry.columns <= columns:
            continue
        name = Identifier(*waiting)
        create = SQL("CREATE STATISTICS {}").format(name) + Composable(entry.detail["definition"])
        statements.append(create + SQL(" FROM {}").format(target))
        if entry.detail["target"] >= 0:
            number = Literal(int(entry.detail["target"]))
            statements.append(SQL("ALTER STATISTICS {} SET STATISTICS {}").format(name, number))
        if entry.detail["comment"] is not None:
            statements.append(SQL("COMMENT ON STATISTICS {} IS {}").format(name, Literal(entry.detail["comment"])))
        statements.append(SQL("ALTER STATISTICS {} OWNER TO {}").format(name, Identifier(entry.detail["owner"])))
    return statements


def renewing(
    before: Snapshot, place: Place, staged: Snapshot, at: Place, comments: Mapping[str, str | None], renewed: set[str]
) -> list[Composable]:
    """Statements for a table that stays: settings and grants for columns made anew, comments for all that changed."""
    had, fresh = before.columns(place), staged.columns(at)
    relation = before.relation(place)
    target = Identifier(*place)
    statements: list[Composable] = []
    for name in sorted(renewed & set(had)):
        blank = Entry("column", at, name, {**fresh[name].detail, "default": None, "labels": None, "options": None})
        statements += _column(target, had[name], blank)
        grants = [Grant(name, *grant) for grant in had[name].detail["acl"] or ()]
        statements += grant_statements(target, [], grants, {name})
    if relation is not None and "" in comments and comments[""] != relation.detail["comment"]:
        statements.append(SQL("COMMENT ON {} IS {}").format(_on_relation(relation, target), Literal(comments[""])))
    for name in sorted(fresh):
        was = None if name in renewed or name not in had else had[name].detail["comment"]
        if name in comments and comments[name] != was:
            where = SQL("{}.{}").format(target, Identifier(name))
            statements.append(SQL("COMMENT ON COLUMN {} IS {}").format(where, Literal(comments[name])))
    return statements


def fixing(before: Snapshot, place: Place, staged: Snapshot, at: Place, made: Made | None) -> list[Composable]:
    """NOT NULLs that a person put on the live table."""
    if made is None:
        return []
    had, has = before.columns(place), staged.columns(at)
    return [
        SQL("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL").format(Identifier(*at), Identifier(name))
        for name in had
        if had[name].detail["not_null"] and name not in made.not_null
        if name in has and not has[name].detail["not_null"]
    ]
