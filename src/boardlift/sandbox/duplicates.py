"""A board made from another one: new ids, the same values, and the dates of the source (FACTS 9)."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace

from .board import Board, Edit
from .column import Column, Pool
from .derived import Finder, Mirror, formula_column, group_column, item_id_column, log_column, mirror_column


def twin(source: Board, serial: int, name: str, now: int, find: Finder, older_by: int) -> Board:
    """A duplicate whose items were "created" and "changed" when the source's were, `older_by` seconds earlier.

    Subitems are not duplicated. The items that are gone from the source leave places that nothing is at.
    """
    made = replace(
        source,
        serial=serial,
        name=name,
        groups=[replace(group) for group in source.groups],
        columns=[],
        created_at=now,
        touched_at=now,
        edits={place: copied(edit, older_by, listed=source.listed(place)) for place, edit in source.edits.items()},
        log=[],
        children=[],
        edited=list(source.edits),
        foreign={},
        like=source.like or source.serial,
        older_by=source.older_by + older_by,
        _orders={},
        _sorted={},
    )
    for column in source.columns:
        found = column_like(column, made, find)
        if found is not None:
            made.columns.append(found)
    return made


def copied(edit: Edit, older_by: int, *, listed: bool) -> Edit:
    """The edit of a duplicated item: no state but being there, and the older times."""
    return replace(
        edit,
        state="active" if listed else "deleted",
        created_at=None if edit.created_at is None else edit.created_at - older_by,
        updated_at=None if edit.updated_at is None else edit.updated_at - older_by,
        item_id=None,
        moved_away=not listed,
    )


def column_like(column: Column, board: Board, find: Finder) -> Column | None:
    """The same column of a duplicated board, where the columns before it are already.

    None for subitems, and for a mirror or formula that has lost the column it looks at.
    """
    identity, title, source = column.id, column.title, column.source
    there = {held.id: held for held in board.columns}
    if isinstance(source, Mirror):
        relation = there.get(source.relation.id)
        if relation is None:
            return None
        made = mirror_column(relation, board, source.target_column, identity, title, find)
        made.settings["displayed_linked_columns"] = deepcopy(column.settings["displayed_linked_columns"])
        return made
    if column.type == "formula":
        name, _, factor = str(column.settings["formula"]).partition(" * ")
        numbers = there.get(name.strip("{}"))
        return None if numbers is None else formula_column(board, identity, title, numbers, factor)
    if column.type == "subtasks":
        return None
    if column.type in ("creation_log", "last_updated"):
        return log_column(board, identity, title, column.type)
    if column.type == "item_id":
        return item_id_column(board, identity, title, None)
    if column.type == "group":
        return group_column(board, identity, title)
    settings = deepcopy(column.settings)
    made = Column(identity, title, column.type, settings, pool_like(source, settings))
    made.edits, made.world, made.description = dict(column.edits), column.world, column.description
    return made


def pool_like(source: object, settings: dict[str, object]) -> Pool | None:
    """The same values under settings of their own; None for the name column."""
    if not isinstance(source, Pool):
        return None
    made = copy(source)
    made.settings, made._cells = settings, {}
    return made
