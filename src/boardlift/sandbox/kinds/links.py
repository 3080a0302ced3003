"""Kinds that point at other items by id: board_relation and dependency. They show the items' names of today."""

from __future__ import annotations

from random import Random

from .base import Cell, Directory, Kind, Plain, Record, Settings, integer, iso_offset, mapping, members


def no_sample(_rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """Nothing: which items exist is known to the column's source, not to the kind."""
    return None


def linked(plain: Plain, world: Directory) -> list[tuple[int, str, Record]]:
    """(item id, name, extras) of every linked item that still exists."""
    found = []
    for member in members(plain):
        row = dict(mapping(member))
        identity = integer(row["id"]) if row else integer(member)
        name = world.item_name(identity)
        if name is not None:
            found.append((identity, name, row))
    return found


def build_relation(plain: Plain, _settings: Settings, world: Directory, changed: int) -> Cell:
    """`value` and `text` are null; the ids are in the typed field (FACTS 17)."""
    rows = linked(plain, world)
    names = ", ".join(name for _, name, _ in rows)
    fields: Record = {
        "linked_item_ids": [str(identity) for identity, _, _ in rows],
        "display_value": names,
        "updated_at": iso_offset(changed) if rows else None,
    }
    truth: Record = {
        "": names.replace("\u0000", "") or None,
        "links": [{"linked_item_id": identity} for identity, _, _ in rows],
    }
    return Cell(None, None, fields, truth)


def build_dependency(plain: Plain, settings: Settings, world: Directory, changed: int) -> Cell:
    """A relation whose links have a type and a lag."""
    cell = build_relation(plain, settings, world, changed)
    links = [
        {"linked_item_id": str(identity), "dependency_type": row.get("type"), "lag": row.get("lag", 0)}
        for identity, _, row in linked(plain, world)
    ]
    return Cell(None, None, {**cell.fields, "dependency_links": links}, cell.truth)


KINDS = (
    Kind("board_relation", "BoardRelationValue", no_sample, build_relation, live=True),
    Kind("dependency", "DependencyValue", no_sample, build_dependency, live=True),
)
