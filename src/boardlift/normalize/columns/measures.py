"""Columns that hold a quantity: numbers, rating, checkbox, time tracking, location."""

from __future__ import annotations

from boardlift.normalize.columns.family import Cell, CellField, Facet, Family, facets, first
from boardlift.normalize.columns.registry import register
from boardlift.shape.sql import SQL, Composable
from boardlift.shape.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, NUMBER, TEXT, TIMESTAMP


def _checked(cell: Cell) -> Composable:
    """`checked`, else `value` (older cells hold the string "true"), else the mark `v` that monday prints."""
    printed = SQL("CASE {0} WHEN 'v' THEN 'true' ELSE {0} END").format(cell.text)
    return first(cell.scalar("checked"), cell.json("$.checked"), printed)


register(
    Family(
        types=("numbers",),
        value_types=("NumbersValue",),
        note="Exact decimals, from the text: the API's `number` is a float and loses digits. No unit signs.",
        facets=facets(Facet("", NUMBER, lambda cell: first(cell.text, cell.json("$")), "the number")),
    ),
    Family(
        types=("rating",),
        value_types=("RatingValue",),
        note="Stars, as a whole number.",
        fields=(CellField("rating"),),
        facets=facets(
            Facet("", INTEGER, lambda cell: first(cell.scalar("rating"), cell.json("$.rating"), cell.text), "stars")
        ),
    ),
    Family(
        types=("checkbox",),
        value_types=("CheckboxValue",),
        note="True, false, or NULL for a box that was never touched.",
        fields=(CellField("checked"),),
        facets=facets(Facet("", BOOLEAN, _checked, "ticked or not")),
    ),
    Family(
        types=("time_tracking",),
        value_types=("TimeTrackingValue",),
        note="Seconds measured so far, whether the clock is running, and since when.",
        fields=(CellField("duration"), CellField("running"), CellField("started_at")),
        facets=facets(
            Facet(
                "", BIGINT, lambda cell: first(cell.scalar("duration"), cell.json("$.duration"), cell.text), "seconds"
            ),
            Facet("running", BOOLEAN, lambda cell: first(cell.scalar("running"), cell.json("$.running")), "is running"),
            Facet("started_at", TIMESTAMP, lambda cell: cell.scalar("started_at"), "start of the open session"),
        ),
    ),
    Family(
        types=("location",),
        value_types=("LocationValue",),
        note="Address, coordinates, city and country.",
        fields=(
            CellField("address"),
            CellField("lat"),
            CellField("lng"),
            CellField("city"),
            CellField("country", alias="loc_country"),
        ),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("address"), cell.json("$.address"), cell.text), "address"),
            Facet("lat", DOUBLE, lambda cell: first(cell.scalar("lat"), cell.json("$.lat")), "latitude, degrees"),
            Facet("lng", DOUBLE, lambda cell: first(cell.scalar("lng"), cell.json("$.lng")), "longitude, degrees"),
            Facet("city", TEXT, lambda cell: first(cell.scalar("city"), cell.json("$.city.long_name")), "city"),
            Facet(
                "country",
                TEXT,
                lambda cell: first(cell.scalar("loc_country"), cell.json("$.country.long_name")),
                "country",
            ),
        ),
    ),
)
