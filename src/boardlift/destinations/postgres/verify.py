"""Before the commit the catalogue is read once more: by name, everything must be as it was, but for what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from boardlift.destinations.postgres.rebind import Key
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot, describe

# What the new shape itself decides about a column, and what only says what this role may do.
_SHAPE = ("type", "position", "not_null", "usual_storage")
_TEXTS = {"definition", "using", "check"}
_OF_A_KEY = ("comment", "constraint_comment", "clustered", "tablespace", "valid", "options")
_OURS = {
    *("mine", "may_create", "lockable", "active", "settable", "receives", "published", "reachable", "referable"),
    *("callable", "vouched"),
}
Comments = Mapping[Place, Mapping[str, str | None]]


def differences(
    before: Snapshot,
    after: Snapshot,
    shapes: Mapping[Place, Snapshot | None],
    comments: Comments,
    left_out: Iterable[Key],
    made: Iterable[tuple[Place, str]],
    loose: Iterable[Key] = (),
) -> list[tuple[Place, str]]:
    """What differs that should not, object by object, each with its relation.

    `shapes` tells for each table the snapshot of its successor as it was staged, None for one that vanishes; `comments`
    are those it was to get; `left_out` are entries meant to go, `made` the indexes meant to come, `loose`
    those whose text may be written otherwise.
    """
    missing, reworded = set(left_out), set(loose)
    vanished = {place for place, shape in shapes.items() if shape is None}
    columns = {place: _columns(shape, place) for place, shape in shapes.items() if shape is not None}
    retyped = {
        entry.key
        for entry in before.of("column")
        if entry.name in columns.get(entry.place, {})
        and columns[entry.place][entry.name].detail["type"] != entry.detail["type"]
    }
    want = {
        entry.key: _expected(entry, columns, comments, retyped)
        for entry in before.entries
        if entry.key not in missing and entry.place not in vanished and _stays(entry, columns)
    }
    have = {entry.key: entry for entry in after.entries}
    found = []
    for key, detail in want.items():
        entry = have.get(key)
        if entry is None:
            lost = next(one for one in before.entries if one.key == key)  # for the message alone
            found.append((key[1], f"{describe(lost)} would be lost"))
        elif (now := _expected(entry, columns, {}, retyped)) != detail:
            fields = [name for name in detail if now.get(name) != detail[name]]
            if key in reworded and set(fields) <= _TEXTS:
                continue
            found.append((key[1], f"{describe(entry)} would change in {', '.join(fields)}"))
    new = {place for place in columns if before.relation(place) is None}
    indexes = set(made)
    for key, entry in have.items():
        expected = entry.place in new or entry.kind in {"column", "not_null"} or (entry.place, entry.name) in indexes
        if key not in want and not expected:
            found.append((key[1], f"{describe(entry)} would be new"))
    return sorted(found)


def _columns(shape: Snapshot, place: Place) -> dict[str, Entry]:
    """The columns of a successor, wherever it was when it was read."""
    (at,) = shape.places or {place}
    return shape.columns(at)


def _stays(entry: Entry, columns: Mapping[Place, Mapping[str, Entry]]) -> bool:
    if entry.place not in columns:
        return True
    shape = columns[entry.place]
    if entry.kind == "column":
        return entry.name in shape
    if entry.kind == "not_null":
        return all(name in shape and shape[name].detail["not_null"] for name in entry.columns)
    return True


def _expected(
    entry: Entry, columns: Mapping[Place, Mapping[str, Entry]], comments: Comments, retyped: set[Key]
) -> dict[str, Any]:
    detail = {name: value for name, value in entry.detail.items() if name not in _OURS}
    if detail.get("acl"):
        detail["acl"] = sorted(detail["acl"])
    if entry.place not in columns:
        return detail
    wanted = comments.get(entry.place, {})
    if entry.kind in {"relation", "column"} and entry.name in wanted:
        detail["comment"] = wanted[entry.name]
    if entry.kind == "column":
        # Another type brings its own storage.
        ignored = (*_SHAPE, "storage", "compression") if entry.key in retyped else _SHAPE
        return {name: value for name, value in detail.items() if name not in ignored}
    if entry.kind == "index" and entry.detail["primary"]:
        return {name: detail[name] for name in _OF_A_KEY}
    return detail
