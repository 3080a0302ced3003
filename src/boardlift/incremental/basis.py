"""What the rows of a generation were made by. Where it differs, rows of two generations cannot stand in one table."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from boardlift import __version__
from boardlift.normalize.boards import BoardPlan


class Basis(Struct, frozen=True):
    """Digests of what decides about cells: `shape` the tables and which part of a cell goes where, `selection` what is
    asked, `columns` each column's settings, `groups` the titles of the groups, by id. `looks` concerns no row: titles
    and indexes of tables, the order and colours of groups.
    """

    release: str
    shape: str
    selection: str
    columns: dict[str, str]
    groups: dict[str, str]
    looks: str


def basis_of(plan: BoardPlan) -> Basis:
    """The basis of a board as it is planned now."""
    facets = [
        (column.source.id, column.source.type, facet.column.name, str(facet.column.type), facet.facet.meaning)
        for column in plan.columns
        for facet in column.facets
    ]
    titles = [(t.label, [c.label for c in t.columns], repr(t.indexes)) for t in plan.group.tables]
    return Basis(
        release=__version__,
        shape=_digest([[table.fingerprint for table in plan.group.tables], facets]),
        selection=_digest(repr(plan.selection)),
        columns={column.source.id: _digest(column.source.settings) for column in plan.columns},
        groups={group.id: group.title for group in plan.board.groups},
        looks=_digest([titles, [(g.id, g.color, g.position, g.archived) for g in plan.board.groups]]),
    )


def packed(basis: Basis) -> str:
    """A basis as text for the ledger: ASCII, for half a surrogate pair in a title is no text."""
    return msgspec.json.encode(msgspec.structs.replace(basis, groups=_hashed(basis.groups))).decode()


def unpacked(text: str) -> Basis | None:
    """The basis that was packed; None when another release wrote it otherwise."""
    try:
        return msgspec.json.decode(text, type=Basis)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def difference(before: Basis | None, plan: BoardPlan) -> str:
    """Why rows made by `before` do not fit beside rows of this plan; empty when they do."""
    now = basis_of(plan)
    if before is None or before.release != now.release:
        return "another release of boardlift made its rows"
    if before.shape != now.shape or before.selection != now.selection or before.columns.keys() != now.columns.keys():
        return "its columns, types or names have changed"
    for column in plan.columns:
        if before.columns[column.source.id] != now.columns[column.source.id]:
            return f"the settings or labels of column {column.source.id} ({column.source.title!r}) have changed"
    groups = _hashed(now.groups)
    renamed = [each for each, title in before.groups.items() if groups.get(each, title) != title]
    return f"group {renamed[0]} has another title" if renamed else ""


def _hashed(titles: dict[str, str]) -> dict[str, str]:
    return {each: _digest(title) for each, title in titles.items()}


def _digest(value: object) -> str:
    # repr can spell every text; keys are sorted, for the order inside settings is not stable.
    return hashlib.sha256(repr(_sorted(value)).encode()).hexdigest()[:16]


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return sorted((str(key), _sorted(inner)) for key, inner in value.items())
    return [_sorted(inner) for inner in value] if isinstance(value, list | tuple) else value
