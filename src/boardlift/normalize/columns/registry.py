"""From a board column's type to its family. A new family is one file and one `register` call."""

from __future__ import annotations

from boardlift.normalize.columns.family import Family

_FAMILIES: dict[str, Family] = {}

FORMER_TYPES: dict[str, str] = {
    "boolean": "checkbox",
    "color": "status",
    "duration": "time_tracking",
    "lookup": "mirror",
    "multiple_person": "people",
    "numeric": "numbers",
    "pulse_id": "item_id",
    "pulse_log": "creation_log",
    "pulse_updated": "last_updated",
    "tag": "tags",
    "timerange": "timeline",
    "timezone": "world_clock",
}
"""Names of column types before API version 2023-10, which webhooks and activity logs still use -> today's.

Sources: recorded answers of 2023 and webhook payloads; `duration`, `lookup` and `pulse_id` by their column ids alone.
The old names were also written with hyphens (`long-text`, `board-relation`).
"""


def register(*families: Family) -> None:
    """Make families known under each of their types; ValueError if a type is claimed twice."""
    for family in families:
        for name in family.types:
            if name in _FAMILIES:
                raise ValueError(f"two families claim the column type {name}")
            _FAMILIES[name] = family


def registered() -> dict[str, Family]:
    """All families by column type, in alphabetical order."""
    return dict(sorted(_FAMILIES.items()))


def current_type(column_type: str) -> str:
    """Today's name of a column type; a name nobody knows stays as it is."""
    if column_type in _FAMILIES:
        return column_type
    plain = column_type.replace("-", "_")
    name = FORMER_TYPES.get(plain, plain)
    return name if name in _FAMILIES else column_type


def find(column_type: str) -> Family | None:
    return _FAMILIES.get(current_type(column_type))
