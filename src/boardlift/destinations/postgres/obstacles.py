"""What stands in the way of a swap, found in the catalogue before anything is touched, with a way out each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from boardlift.destinations.interface import Replace
from boardlift.destinations.postgres import rights
from boardlift.destinations.postgres.change import IN_PLACE_HELPS, Change, Obstacle, gone, retyped
from boardlift.destinations.postgres.rebind import replaced_views
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot, describe, spelled
from boardlift.errors import UNCHANGED, DependentObject

_CHANGE = "change or drop it, or keep the column"


def refuse(obstacles: Iterable[Obstacle]) -> None:
    """Raise DependentObject that names every obstacle, if there is one."""
    found = list(dict.fromkeys(obstacles))
    if found:
        raise DependentObject(
            f"The swap cannot keep what is built on the live tables: {'; '.join(one.what for one in found)}."
            f" {UNCHANGED}",
            hint="; ".join(dict.fromkeys(one.way_out for one in found)),
        )


def find(before: Snapshot, changes: Iterable[Change]) -> list[Obstacle]:
    """Obstacles that the catalogue alone tells, in the order of the tables."""
    by_place = {change.place: change for change in changes if before.relation(change.place)}
    swapped = {place for place, change in by_place.items() if change.way is Replace.SWAP and change.columns is not None}
    found: list[Obstacle] = []
    for place, change in by_place.items():
        if change.columns is None:
            found += _vanishing(before, place)
            continue
        if change.way is Replace.IN_PLACE:
            found += _in_place(before, change)
        else:
            found += _by_hand(before, change)
        found += [*_given_types(before, change), *_columns(before, change)]
    found += _positional(before, [by_place[place] for place in sorted(swapped)])
    return found + list(_bound(before, swapped)) + list(rights.missing(before, by_place.values()))


def _vanishing(before: Snapshot, place: Place) -> Iterator[Obstacle]:
    """Whatever needs a table that the new generation has not, and what a kept table would come back without."""
    out = "drop it first, or keep the table"
    again = "drop it, and make it again on the new table"
    relation = before.relation(place)
    if relation is not None and relation.detail["kind"] == "r":
        if relation.detail["secured"]:
            words = f"row level security is enabled on {spelled(place)}, which goes"
            yield Obstacle(place, words, "disable it there, and enable it on the new table")
        for kind in ("policy", "trigger", "rule"):
            for entry in before.of(kind, place):
                yield Obstacle(place, f"{describe(entry)} would be lost with the table, which goes", again)
    for entry in before.about(place):
        elsewhere = entry.kind in {"view", "function", "rule", "policy"} and place in entry.used
        if (elsewhere and (entry.place != place or entry.kind == "function")) or (
            entry.kind in {"publication", "other"} and entry.place == place
        ):
            way_out = again if entry.kind == "publication" else out
            yield Obstacle(place, f"{describe(entry)} needs {spelled(place)}, which goes", way_out)
        elif entry.kind == "foreign" and place in {entry.place, _target(entry)}:
            yield Obstacle(place, f"{describe(entry)} ties {spelled(place)}, which goes", out)


def _by_hand(before: Snapshot, change: Change) -> Iterator[Obstacle]:
    """What a person did to the columns, and the generic rest: types, children, sequences, whatever there may be."""
    assert change.columns is not None
    place = change.place
    for name, column in before.columns(place).items():
        added = change.made is not None and name not in change.made.columns and name not in change.columns
        if added:
            yield Obstacle(
                place, f"column {name} of {spelled(place)} was added by hand", f"drop the column, {IN_PLACE_HELPS}"
            )
        elif name in change.columns and (column.detail["identity"] or column.detail["generated"]):
            yield Obstacle(
                place, f"column {name} of {spelled(place)} fills itself", f"take that from it, {IN_PLACE_HELPS}"
            )
        elif name in change.columns and column.detail["collation"]:
            words = f"column {name} of {spelled(place)} has the collation {column.detail['collation']}"
            yield Obstacle(place, words, f"give it the default one and put the collation on an index, {IN_PLACE_HELPS}")
    row = re.compile(rf'(?<![\w$."])(?:{_part(place[1])})\.\*')
    for entry in (*before.of("check", place), *before.of("index", place)):
        if row.search(entry.detail["definition"] or ""):
            words = f"{describe(entry)} takes whole rows of {spelled(place)}, as they are now"
            yield Obstacle(place, words, f"name the columns in it, {IN_PLACE_HELPS}")
    yield from _foreign_ties(before, place)
    yield from _constraints(before, change)


def _given_types(before: Snapshot, change: Change) -> Iterator[Obstacle]:
    """Columns of boardlift's that a person gave another type, which the new ones have not."""
    assert change.columns is not None
    ours = change.made.types if change.made else {}
    for name, (now, then) in retyped(before, change).items():
        if name in ours and now != ours[name]:
            words = f"column {name} of {spelled(change.place)} was given the type {now} by hand"
            yield Obstacle(
                change.place,
                f"{words}, and would be {then} again",
                "change it back, or set its type under `columns:` in boardlift.yaml",
            )


def _constraints(before: Snapshot, change: Change) -> Iterator[Obstacle]:
    """Keys, NOT NULLs and foreign keys that say more than their successors can."""
    assert change.columns is not None
    place = change.place
    for entry in before.of("index", place):
        if entry.detail["primary"] and not str(entry.detail["definition"]).endswith(")"):
            words = f"{describe(entry)} is deferrable, which the key of its successor is not"
            yield Obstacle(place, words, f"make it not deferrable, {IN_PLACE_HELPS}")
        elif entry.detail["primary"] and ") INCLUDE (" in entry.detail["definition"]:
            words = f"{describe(entry)} includes columns, which the key of its successor does not"
            yield Obstacle(place, words, "make the key without them, and include them in an index of your own")
    for constraint in before.of("not_null", place):
        if set(constraint.columns) <= set(change.columns) and not _plain(constraint):
            words = f"{describe(constraint)} says more than NOT NULL ({constraint.detail['definition']})"
            yield Obstacle(place, words, f"make it a plain one, {IN_PLACE_HELPS}")
    for key in before.of("foreign"):
        if place in {key.place, _target(key)} and not _composed(key):
            yield Obstacle(place, f"{describe(key)} is of a kind that cannot be carried", f"drop it, {IN_PLACE_HELPS}")


def _in_place(before: Snapshot, change: Change) -> Iterator[Obstacle]:
    place, relation = change.place, before.relation(change.place)
    assert relation is not None and change.columns is not None
    keys = [index for index in before.of("index", place) if index.detail["primary"]]
    key = tuple(keys[0].detail["keys"]) if keys else ()
    if key != change.key:
        what = f"the key of {spelled(place)} changes from ({', '.join(key)}) to ({', '.join(change.key)})"
        yield Obstacle(place, what, "take `replace: in_place` out of boardlift.yaml for this swap")
    for name in sorted({*retyped(before, change)} & {*key}):
        yield Obstacle(
            place,
            f"the key column {name} of {spelled(place)} changes its type",
            "take `replace: in_place` out of boardlift.yaml for this swap",
        )
    if relation.detail["active"]:
        yield Obstacle(
            place,
            f"row security of {spelled(place)} would filter the rows that boardlift writes",
            "ALTER TABLE ... NO FORCE ROW LEVEL SECURITY, or give boardlift's role BYPASSRLS",
        )
    for rule in before.of("rule", place):
        if rule.detail["enabled"] != "D":
            yield Obstacle(place, f"{describe(rule)} rewrites what boardlift writes", "disable or drop the rule")
    if relation.detail["published"] and (relation.detail["identity"] == "n" or not (key or _identified(relation))):
        yield Obstacle(
            place,
            f"{spelled(place)} has no replica identity, so PostgreSQL refuses to delete rows that are published",
            "ALTER TABLE ... REPLICA IDENTITY FULL",
        )
    if gone(before, change) or retyped(before, change) or not set(change.columns) <= set(before.columns(place)):
        for entry in before.of("other", place):
            if entry.name in {"typed", "inheritance"}:
                words = f"{describe(entry)} (on {spelled(place)}) has no part in the change of its columns"
                yield Obstacle(
                    place, words, entry.detail.get("out") or "ALTER TABLE ... NO INHERIT, or DETACH PARTITION"
                )
    yield from _filled(before, change)


def _identified(relation: Entry) -> bool:
    return relation.detail["identity"] in {"f", "i"}


def _filled(before: Snapshot, change: Change) -> Iterator[Obstacle]:
    """Columns that do not take what boardlift writes, or take no row without a value."""
    assert change.columns is not None
    lost = gone(before, change)
    for name, column in before.columns(change.place).items():
        words, detail = f"column {name} of {spelled(change.place)}", column.detail
        if name in change.columns and detail["generated"]:
            yield Obstacle(change.place, f"{words} fills itself", "take that from it")
        elif name in change.columns and detail["identity"] == "a":
            out = "ALTER TABLE ... ALTER COLUMN ... SET GENERATED BY DEFAULT"
            yield Obstacle(change.place, f"{words} takes no values but its own", out)
        theirs = name not in change.columns and name not in lost
        if theirs and detail["not_null"] and not (detail["default"] or detail["identity"]):
            words += ", which was added by hand, may not be empty and has no default"
            yield Obstacle(change.place, words, "give it a default, or let it be empty")


def _columns(before: Snapshot, change: Change) -> Iterator[Obstacle]:
    """Who uses a column that goes, or that changes its type so that the user may not follow."""
    lost, changed = gone(before, change), retyped(before, change)
    place = change.place
    for entry in before.about(place):
        for name in sorted(_needs(entry, place)):
            where = f"column {name} of {spelled(place)}"
            # An index goes with its column, as it does when a person drops the column.
            if name in lost and not (entry.kind in {"index", "statistics"} and not _is_constraint(entry)):
                yield Obstacle(place, f"{describe(entry)} uses {where}, which goes", _CHANGE)
            elif name in changed and _breaks(entry, change):
                types = " to ".join(changed[name])
                yield Obstacle(place, f"{describe(entry)} uses {where}, which changes from {types}", _CHANGE)


def _is_constraint(entry: Entry) -> bool:
    return entry.kind == "index" and bool(entry.detail["constraint"]) and not entry.detail["primary"]


def _needs(entry: Entry, place: Place) -> set[str]:
    if entry.kind == "column" and entry.detail["generated"]:
        return entry.columns if entry.place == place else set()
    if entry.kind in {"relation", "column", "not_null", "other"} or (entry.kind == "index" and entry.detail["primary"]):
        return set()
    own = entry.columns if entry.place == place and entry.kind != "function" else set()
    return (own | entry.uses(place)) - {""}


def _breaks(entry: Entry, change: Change) -> bool:
    """Whether a change of type is more than the object bears; what can be tried is rehearsed instead."""
    if change.way is Replace.IN_PLACE:
        return True
    elsewhere = entry.kind == "policy" and entry.place != change.place
    return elsewhere or entry.kind in {"function", "rule", "trigger", "publication", "foreign"}


def _bound(before: Snapshot, swapped: set[Place]) -> Iterator[Obstacle]:
    """Materialized views that cannot get a successor."""
    views = replaced_views(before, swapped)
    replaced = swapped | set(views)
    for place in views:
        ((view),) = before.of("view", place)
        through = sorted(view.used & (before.places - replaced))
        if through:
            other, table = spelled(through[0]), spelled(min(view.used & replaced))
            yield Obstacle(
                place,
                f"{describe(view)} reads {table} and also {other}, which is built on a live table",
                f"read the tables alone or {other} alone, {IN_PLACE_HELPS}",
            )
        # A staged table has no policies before the swap, and the view is filled before it.
        for schema, name in view.detail["filtered"] or ():
            if (schema, name) in swapped:
                yield Obstacle(
                    place,
                    f"{describe(view)} is filled through the row level security of {spelled((schema, name))}",
                    f"give it an owner with BYPASSRLS, {IN_PLACE_HELPS}",
                )
        yield from _foreign_ties(before, place)


def _foreign_ties(before: Snapshot, place: Place) -> Iterator[Obstacle]:
    """What is tied to the very relation and cannot be led to another."""
    for entry in before.of("other", place):
        way_out = entry.detail.get("out") or "drop it"
        yield Obstacle(place, f"{describe(entry)} (on {spelled(place)})", f"{way_out}, {IN_PLACE_HELPS}")


def _plain(constraint: Entry) -> bool:
    return not str(constraint.detail["definition"]).endswith((" NO INHERIT", " NOT VALID"))


def _positional(before: Snapshot, changes: Iterable[Change]) -> Iterator[Obstacle]:
    """Definitions that count the columns of a table whose columns are not in the old order."""
    for change in changes:
        if list(before.columns(change.place)) == list(change.columns or ()):
            continue
        for entry in before.about(change.place):
            if counts(entry, change.place):
                words = f"{describe(entry)} counts the columns of {spelled(change.place)}, whose order changes"
                yield Obstacle(change.place, words, f"write it without a column alias list, {IN_PLACE_HELPS}")


def counts(entry: Entry, place: Place) -> bool:
    """Whether a definition that reads this table has a column alias list, on it or on a join."""
    if entry.kind not in {"view", "function", "rule", "policy"} or not entry.uses(place):
        return False
    return any(has_alias_list(entry.detail.get(part) or "", place) for part in ("definition", "using", "check"))


_NAME = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
_TOKEN = re.compile(rf"'(?:[^']|'')*'|{_NAME}|\(|\)")
_ALIAS = re.compile(rf"\s+(?:AS\s+)?{_NAME}\(")
_QUERY = re.compile(r"\s*(?:SELECT|VALUES|WITH)\b", re.IGNORECASE)


def _part(name: str) -> str:
    """A name as PostgreSQL writes it, for a pattern."""
    quoted = name.replace('"', '""')
    return f'"{re.escape(quoted)}"|{re.escape(name)}'


def has_alias_list(text: str, place: Place) -> bool:
    """Whether a definition, as PostgreSQL writes it, lists aliases for the columns of this table or of a join."""
    table = r"\.".join(f"(?:{_part(part)})" for part in place)
    if re.search(rf"(?<![\w$.\"]){table}{_ALIAS.pattern}", text):
        return True
    opened: list[tuple[int, bool]] = []
    for token in _TOKEN.finditer(text):
        if token.group() == "(":
            # Behind a name stand the arguments of a function.
            opened.append((token.end(), bool(token.start()) and text[token.start() - 1] not in " \n\t(,"))
        elif token.group() == ")" and opened:
            start, call = opened.pop()
            if not call and not _QUERY.match(text, start) and _ALIAS.match(text, token.end()):
                return True
    return False


def _target(key: Entry) -> Place:
    schema, name = key.detail["target"]
    return str(schema), str(name)


def _composed(key: Entry) -> bool:
    return str(key.detail["definition"]).startswith(key.detail["own"] + key.detail["far"] + "(")
