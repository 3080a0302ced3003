"""One file per column family. Importing this package registers them all."""

from __future__ import annotations

from boardlift.normalize.columns import choices, measures, moments, others, relations, words
from boardlift.normalize.columns.family import Family
from boardlift.normalize.columns.others import UNKNOWN
from boardlift.normalize.columns.registry import current_type, find, registered

__all__ = [
    "UNKNOWN",
    "choices",
    "current_type",
    "family_of",
    "measures",
    "moments",
    "others",
    "registered",
    "relations",
    "words",
]


def family_of(column_type: str) -> Family:
    """The family of a column type; UNKNOWN for a type that no family claims."""
    return find(column_type) or UNKNOWN
