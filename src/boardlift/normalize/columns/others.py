"""Columns that cannot be read, and columns nobody knows yet. The latter become JSON and are reported as drift."""

from __future__ import annotations

from boardlift.normalize.columns.family import (
    Cell,
    Facet,
    Family,
    Refresh,
    facets,
    first,
)
from boardlift.normalize.columns.registry import register
from boardlift.shape.sql import SQL, Composable
from boardlift.shape.types import JSON


def _json(cell: Cell) -> Composable:
    """`value` if it is JSON, else the text as a JSON string: whatever came, nothing is lost."""
    return first(
        SQL("CAST({} AS VARCHAR)").format(cell.value),
        SQL("CAST(to_json({}) AS VARCHAR)").format(cell.text),
    )


UNKNOWN = Family(
    types=(),
    value_types=("UnsupportedValue",),
    note="A column type this release does not know: its JSON `value` as it came. Reported by `plan` and `sync`.",
    asks_value=True,
    facets=facets(Facet("", JSON, _json, "the value as monday gives it")),
)

register(
    Family(
        types=("unsupported",),
        value_types=("UnsupportedValue",),
        note="A column the API does not support: its JSON `value`, if any.",
        asks_value=True,
        facets=facets(Facet("", JSON, _json, "the value as monday gives it")),
    ),
    Family(
        types=("item_assignees",),
        value_types=("UnsupportedValue", "PeopleValue"),
        refresh=Refresh.NAMES_LATER,
        note="No value type of its own in the API: its JSON `value`, if any.",
        asks_value=True,
        facets=facets(Facet("", JSON, _json, "the value as monday gives it")),
    ),
    Family(
        types=("name",),
        value_types=(),
        note="The item's name; it is the column `name` of every table.",
        readable=False,
    ),
    Family(
        types=("auto_number",),
        value_types=(),
        note="Computed on the screen; the API does not give it (Column types page).",
        readable=False,
    ),
    Family(
        types=("progress",),
        value_types=("ProgressValue",),
        note="Computed on the screen from status columns; the API does not give it (Column types page).",
        readable=False,
    ),
)
