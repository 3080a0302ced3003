"""What each field of the schema answers. A field without an entry here is read from its record by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from graphql import GraphQLObjectType

from .compile import Resolve
from .kinds.base import Record
from .resolve_board import BOARD, COLUMN, GROUP, ITEM
from .resolve_cell import CELL, MIRRORED, cell_field
from .resolve_root import ROOT, TEAM, UPDATE, USER
from .run import CellRef, Run
from .schema import schema


def user_reference(value: object, _arguments: Mapping[str, object], run: Run) -> object:
    """The user behind `creator_id` of a record; None if the id is nobody's (a template's is negative)."""
    identity = cast("Record", value).get("creator_id")
    return next((row for row in run.account.world.users if row["id"] == identity), None)


def linked_doc(value: object, _arguments: Mapping[str, object], run: Run) -> object:
    """The document of a file member."""
    record = cast("Record", value)
    slug = run.account.world.slug
    return {
        "id": record["doc"],
        "object_id": record["object_id"],
        "name": "Spec",
        "doc_kind": "public",
        "url": f"https://{slug}.monday.com/docs/{record['object_id']}",
        "relative_url": f"/docs/{record['object_id']}",
        "created_at": record["created_at"],
        "updated_at": record["created_at"],
        "created_by": None,
        "workspace": None,
        "workspace_id": None,
    }


def uploader(value: object, _arguments: Mapping[str, object], run: Run) -> object:
    """The user who uploaded an asset."""
    identity = cast("Record", value)["uploaded_by"]
    return next((row for row in run.account.world.users if row["id"] == identity), None)


TABLE: dict[str, dict[str, Resolve]] = {
    "Query": ROOT,
    "Board": BOARD,
    "Column": COLUMN,
    "Group": GROUP,
    "Item": ITEM,
    "MirroredItem": MIRRORED,
    "User": USER,
    "Team": TEAM,
    "Update": UPDATE,
    "Reply": {"creator": user_reference},
    "Like": {"creator": user_reference},
    "FileAssetValue": {"creator": user_reference},
    "FileLinkValue": {"creator": user_reference},
    "FileAssetInvalidValue": {"creator": user_reference},
    "FileDocValue": {"creator": user_reference, "doc": linked_doc},
    "Asset": {"uploaded_by": uploader},
}


def resolver(parent: str, name: str) -> Resolve:
    """How a field of a type gets its value."""
    if name == "__typename":
        return lambda _value, _arguments, _run: parent
    special = TABLE.get(parent, {}).get(name)
    if special is not None:
        return special
    found = schema().type_map[parent]
    if isinstance(found, GraphQLObjectType) and any(row.name == "ColumnValue" for row in found.interfaces):
        return CELL.get(name) or cell_field(name)
    return lambda value, _arguments, _run: cast("Record", value).get(name)


__all__ = ["CellRef", "resolver"]
