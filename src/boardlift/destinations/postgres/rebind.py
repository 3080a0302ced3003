"""What is tied to the live relation itself, and is tied to its successor in the same transaction.

A view is bound again by CREATE OR REPLACE VIEW, which keeps it: its grants, its comment, its triggers and whatever is
built on it never change, and only views that name a live table are touched, not the chain above them. Dropping and
making the chain again would need everybody's locks for as long as it takes. A materialized view cannot be replaced, so
another one is filled beside it before anybody waits (`postgres_matviews`) and takes its name. Functions, policies and
rules elsewhere are replaced like views; triggers, policies and rules of the table move over; foreign keys are made and
checked on the staged table first. What is left for the locks are changes of the catalogue, a fraction of a millisecond
each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from boardlift.destinations.postgres.carry import constraint_comment, generation_name, statistics_place
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_COMMANDS: dict[str, Composable] = {
    "r": SQL("SELECT"),
    "a": SQL("INSERT"),
    "w": SQL("UPDATE"),
    "d": SQL("DELETE"),
    "*": SQL("ALL"),
}
_ENABLED: dict[str, Composable] = {
    "D": SQL("DISABLE"),
    "R": SQL("ENABLE REPLICA"),
    "A": SQL("ENABLE ALWAYS"),
}
_KINDS: dict[str, Composable] = {"trigger": SQL("TRIGGER"), "policy": SQL("POLICY"), "rule": SQL("RULE")}

_WAITING = re.compile(r"fk_[0-9a-f]{24}")

Key = tuple[str, Place, str]
"""What tells one entry of a snapshot from all others."""


@dataclass(frozen=True)
class Move:
    """One relation gives way to another: `incoming` waits in the schema of `place` under that name."""

    place: Place
    incoming: str

    @property
    def waiting(self) -> Place:
        return self.place[0], self.incoming


def replaced_views(before: Snapshot, tables: Iterable[Place]) -> list[Place]:
    """Materialized views that must be made anew when these tables are replaced, each after those that it reads."""
    found: list[Place] = []
    replaced = set(tables)
    kinds = {view.place: view for view in before.of("view") if view.detail["kind"] == "m"}
    while True:
        more = [place for place, view in kinds.items() if place not in replaced and view.used & replaced]
        if not more:
            return found
        found += more
        replaced |= set(more)


def dependants(before: Snapshot, replaced: set[Place]) -> Iterator[Entry]:
    """Views, functions, rules and policies, not of the replaced relations themselves, that name one of them."""
    for entry in (entry for kind in ("function", "policy", "rule", "view") for entry in before.of(kind)):
        elsewhere = entry.kind == "function" or entry.place not in replaced
        if elsewhere and entry.used & replaced:
            yield entry


def foreign_statements(before: Snapshot, moves: Mapping[Place, Move]) -> list[tuple[Entry, list[Composable]]]:
    """Foreign keys from and to the waiting tables, made and checked before the live ones are locked.

    Those who write to a table at the other end wait meanwhile; those who read do not.
    """
    made = []
    for key in before.of("foreign"):
        target = _target(key)
        if key.place not in moves and target not in moves:
            continue
        child = moves[key.place].waiting if key.place in moves else key.place
        parent = moves[target].waiting if target in moves else target
        name = key.name if key.place in moves else _waiting_key(key, moves[target])
        definition = key.detail["definition"].removeprefix(key.detail["own"] + key.detail["far"])
        add = SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(Identifier(*child), Identifier(name))
        add += Composable(key.detail["own"]) + Identifier(*parent) + Composable(definition)
        comment = key.detail["comment"]
        made.append((key, [add] if comment is None else [add, constraint_comment(Identifier(*child), name, comment)]))
    return made


def detach(before: Snapshot, moves: Mapping[Place, Move]) -> list[Composable]:
    """Take from the outgoing tables what their successors get, and what would bind others to a kept table."""
    statements: list[Composable] = [
        SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(_on(key), _name(key))
        for key in before.of("foreign")
        if key.place in moves or _target(key) in moves
    ]
    for place in moves:
        target = Identifier(*place)
        statements += [
            SQL("ALTER PUBLICATION {} DROP TABLE {}").format(_name(entry), target)
            for entry in before.of("publication", place)
        ]
        statements += drop_statistics(before, [place])
        statements += [_drop(entry) for kind in _KINDS for entry in before.of(kind, place)]
        parts = [SQL("DROP CONSTRAINT {}").format(Identifier(check.name)) for check in before.of("check", place)]
        parts += [
            SQL("ALTER COLUMN {} DROP DEFAULT").format(Identifier(name))
            for name, column in before.columns(place).items()
            if column.detail["default"] is not None and before.relation(place) and not column.detail["generated"]
        ]
        relation = before.relation(place)
        if relation is not None and relation.detail["kind"] == "r":
            if relation.detail["secured"]:
                parts.append(SQL("DISABLE ROW LEVEL SECURITY"))
            if relation.detail["forced"]:
                parts.append(SQL("NO FORCE ROW LEVEL SECURITY"))
        if parts:
            statements.append(SQL("ALTER TABLE {} ").format(target) + COMMA.join(parts))
    return statements


def attach(before: Snapshot, moves: Mapping[Place, Move], left_out: set[Key], hidden: str) -> list[Composable]:
    """Give the successors, which have their names by now, what must name them."""
    statements: list[Composable] = []
    for key in before.of("foreign"):
        if key.place not in moves and _target(key) in moves:
            rename = SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}")
            waiting = _waiting_key(key, moves[_target(key)])
            statements.append(rename.format(Identifier(*key.place), Identifier(waiting), Identifier(key.name)))
    for place, move in moves.items():
        statements += settle_statistics(before, move, left_out, hidden)
        statements += _secure(before, place)
        for entry in before.of("rule", place):
            statements.append(Composable(entry.detail["definition"].rstrip(";")))
            statements += _switch(entry) + _comment(entry)
        for entry in before.of("trigger", place):
            statements.append(Composable(entry.detail["definition"]))
            statements += _switch(entry) + _comment(entry)
        statements += [_publish(entry) for entry in before.of("publication", place)]
    return statements


def rebind(before: Snapshot, replaced: set[Place]) -> list[Composable]:
    """Bind what names a replaced relation to the one that has the name now."""
    statements: list[Composable] = []
    for entry in dependants(before, replaced):
        definition = entry.detail.get("definition")
        match entry.kind:
            case "view" if entry.detail["kind"] == "v":
                relation = before.relation(entry.place)
                assert relation is not None
                statements.append(_replace_view(entry, relation.detail["options"]))
            case "function":
                statements.append(Composable(str(definition).rstrip().rstrip(";")))
            case "rule":
                statements.append(SQL("CREATE OR REPLACE ") + Composable(str(definition)[7:].rstrip(";")))
            case "policy":
                statements.append(SQL("ALTER POLICY {} ON {}").format(_name(entry), _on(entry)) + conditions(entry))
    return statements


def drop_statistics(before: Snapshot, places: Iterable[Place]) -> list[Composable]:
    """Take their extended statistics from outgoing relations."""
    return [
        SQL("DROP STATISTICS {}").format(Identifier(*entry.detail["place"]))
        for place in places
        for entry in before.of("statistics", place)
    ]


def settle_statistics(before: Snapshot, move: Move, left_out: set[Key], hidden: str) -> list[Composable]:
    """Bring the extended statistics of a successor to their schema and name."""
    statements: list[Composable] = []
    for entry in before.of("statistics", move.place):
        if entry.key not in left_out:
            (schema, name), waiting = entry.detail["place"], statistics_place((hidden, move.incoming), entry)
            statements += [
                SQL("ALTER STATISTICS {} SET SCHEMA {}").format(Identifier(*waiting), Identifier(schema)),
                SQL("ALTER STATISTICS {} RENAME TO {}").format(Identifier(schema, waiting[1]), Identifier(name)),
            ]
    return statements


def _secure(before: Snapshot, place: Place) -> list[Composable]:
    relation = before.relation(place)
    if relation is None or relation.detail["kind"] != "r":
        return []
    statements: list[Composable] = []
    for entry in before.of("policy", place):
        roles = COMMA.join(Identifier(role) if role else SQL("PUBLIC") for role in entry.detail["roles"])
        kind = SQL("PERMISSIVE") if entry.detail["permissive"] else SQL("RESTRICTIVE")
        statements.append(
            SQL("CREATE POLICY {} ON {} AS {} FOR {} TO {}").format(
                _name(entry), _on(entry), kind, _COMMANDS[entry.detail["command"]], roles
            )
            + conditions(entry)
        )
        statements += _comment(entry)
    target = Identifier(*place)
    if relation.detail["secured"]:
        statements.append(SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(target))
    if relation.detail["forced"]:
        statements.append(SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(target))
    return statements


def conditions(policy: Entry) -> Composable:
    """The USING and WITH CHECK of a policy."""
    text: Composable = SQL("")
    if policy.detail["using"] is not None:
        text += SQL(" USING ({})").format(Composable(policy.detail["using"]))
    if policy.detail["check"] is not None:
        text += SQL(" WITH CHECK ({})").format(Composable(policy.detail["check"]))
    return text


def _publish(entry: Entry) -> Composable:
    add = SQL("ALTER PUBLICATION {} ADD TABLE {}").format(_name(entry), _on(entry))
    if entry.detail["list"] is not None:
        add += SQL(" ({})").format(COMMA.join(Identifier(column) for column in entry.detail["list"]))
    if entry.detail["filter"] is not None:
        add += SQL(" WHERE ({})").format(Composable(entry.detail["filter"]))
    return add


def _replace_view(view: Entry, options: list[str] | None) -> Composable:
    pairs = [option.split("=", 1) for option in options or ()]
    given = COMMA.join(SQL("{} = {}").format(Identifier(key), Literal(value)) for key, value in pairs)
    with_ = SQL(" WITH ({})").format(given) if pairs else SQL("")
    replace = SQL("CREATE OR REPLACE VIEW {}").format(_on(view)) + with_
    return replace + SQL(" AS ") + Composable(view.detail["definition"].rstrip().rstrip(";"))


def _switch(entry: Entry) -> list[Composable]:
    if entry.detail["enabled"] == "O":
        return []
    how = _ENABLED[entry.detail["enabled"]]
    return [SQL("ALTER TABLE {} {} {} {}").format(_on(entry), how, _KINDS[entry.kind], _name(entry))]


def _comment(entry: Entry) -> list[Composable]:
    comment = entry.detail["comment"]
    if comment is None:
        return []
    return [SQL("COMMENT ON {} {} ON {} IS {}").format(_KINDS[entry.kind], _name(entry), _on(entry), Literal(comment))]


def _drop(entry: Entry) -> Composable:
    return SQL("DROP {} {} ON {}").format(_KINDS[entry.kind], _name(entry), _on(entry))


def _name(entry: Entry) -> Composable:
    return Identifier(entry.name)


def _on(entry: Entry) -> Composable:
    return Identifier(*entry.place)


def _target(key: Entry) -> Place:
    schema, name = key.detail["target"]
    return str(schema), str(name)


def is_waiting(entry: Entry) -> bool:
    """Whether this is a foreign key that waits for its name."""
    return entry.kind == "foreign" and _WAITING.fullmatch(entry.name) is not None


def _waiting_key(key: Entry, move: Move) -> str:
    return generation_name("fk", move.incoming, f"{key.place}.{key.name}")
