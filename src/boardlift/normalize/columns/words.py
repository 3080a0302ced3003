"""Columns that hold one piece of text: text, long text, link, email, phone, country, time zone, color, and the like."""

from __future__ import annotations

from boardlift.normalize.columns.family import (
    Cell,
    CellField,
    Facet,
    Family,
    Refresh,
    facets,
    first,
    text_facet,
)
from boardlift.normalize.columns.registry import register
from boardlift.shape.sql import SQL, Composable
from boardlift.shape.types import BIGINT, TEXT


def _hex(cell: Cell) -> Composable:
    """The color as #RRGGBB. Stored as red, green, blue, monday gives no text and no typed field (Color picker page)."""
    parts = [SQL("CAST({} AS INTEGER)").format(cell.json(f"$.color.{part}")) for part in ("r", "g", "b")]
    rgb = SQL("printf('#%02X%02X%02X', {})").format(SQL(", ").join(parts))
    return first(SQL("upper({})").format(first(cell.json("$.color.hex"), cell.text)), rgb)


register(
    Family(
        types=("text",),
        value_types=("TextValue",),
        note="As written. An empty cell is NULL.",
        facets=facets(Facet("", TEXT, lambda cell: first(cell.text, cell.json("$")), "the text")),
    ),
    Family(
        types=("long_text",),
        value_types=("LongTextValue",),
        note="As written, with its line breaks. An empty cell is NULL.",
        facets=facets(Facet("", TEXT, lambda cell: first(cell.text, cell.json("$.text")), "the text")),
    ),
    Family(
        types=("link",),
        value_types=("LinkValue",),
        note="The address, and the words shown for it.",
        fields=(CellField("url"), CellField("url_text")),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("url"), cell.json("$.url"), cell.text), "the address"),
            Facet("text", TEXT, lambda cell: first(cell.scalar("url_text"), cell.json("$.text")), "the words shown"),
        ),
    ),
    Family(
        types=("email",),
        value_types=("EmailValue",),
        note="The address, and the words shown for it.",
        fields=(CellField("email"), CellField("label")),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("email"), cell.json("$.email"), cell.text), "the address"),
            Facet("label", TEXT, lambda cell: first(cell.scalar("label"), cell.json("$.text")), "the words shown"),
        ),
    ),
    Family(
        types=("phone",),
        value_types=("PhoneValue",),
        note="Digits as text (a phone number is not a number), and the country's two letters.",
        fields=(CellField("phone"), CellField("country_short_name")),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("phone"), cell.json("$.phone"), cell.text), "the digits"),
            Facet(
                "country",
                TEXT,
                lambda cell: first(cell.scalar("country_short_name"), cell.json("$.countryShortName")),
                "country code, two letters",
            ),
        ),
    ),
    Family(
        types=("country",),
        value_types=("CountryValue",),
        note="Name and two letters, from `value`: the typed field is an object and would cost points.",
        asks_value=True,
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.json("$.countryName"), cell.text), "the country's name"),
            Facet("code", TEXT, lambda cell: cell.json("$.countryCode"), "country code, two letters"),
        ),
    ),
    Family(
        types=("world_clock",),
        value_types=("WorldClockValue",),
        note="The name of a time zone, not a time.",
        fields=(CellField("timezone"),),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("timezone"), cell.json("$.timezone"), cell.text), "the zone")
        ),
    ),
    Family(
        types=("color_picker",),
        value_types=("ColorPickerValue",),
        note="`#RRGGBB` in upper case, also where monday stores red, green and blue and shows no text.",
        asks_value=True,
        facets=facets(Facet("", TEXT, _hex, "the color")),
    ),
    Family(
        types=("item_id",),
        value_types=("ItemIdValue",),
        note="The id shown to people, which may carry a prefix; `item_id` of the row is the number.",
        fields=(CellField("item_id"),),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("item_id"), cell.json("$.item_id"), cell.text), "the id")
        ),
    ),
    Family(
        types=("button",),
        value_types=("ButtonValue",),
        note="The button's caption.",
        fields=(CellField("label"),),
        facets=facets(Facet("", TEXT, lambda cell: first(cell.scalar("label"), cell.text), "the caption")),
    ),
    Family(
        types=("group",),
        value_types=("GroupValue",),
        note="The id of a group.",
        fields=(CellField("group_id"),),
        facets=facets(Facet("", TEXT, lambda cell: first(cell.scalar("group_id"), cell.text), "the group's id")),
    ),
    Family(
        types=("formula",),
        value_types=("FormulaValue",),
        refresh=Refresh.LATER,
        note="The computed text; cast it with `type:`. monday computes nothing for formulas over mirror or connect "
        "columns, and gives up silently above 10,000 cells a minute, so NULL is not proof of empty.",
        fields=(CellField("display_value"),),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("display_value"), cell.text), "the computed text")
        ),
    ),
    Family(
        types=("integration",),
        value_types=("IntegrationValue",),
        note="The outside issue: its id, its entity, its address.",
        fields=(CellField("issue_id"), CellField("entity_id"), CellField("issue_api_url")),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("issue_id"), cell.text), "the issue's id"),
            Facet("entity_id", TEXT, lambda cell: cell.scalar("entity_id"), "the entity's id"),
            Facet("url", TEXT, lambda cell: cell.scalar("issue_api_url"), "the issue's address"),
        ),
    ),
    Family(
        types=("person",),
        value_types=("PersonValue",),
        refresh=Refresh.NAMES_LATER,
        note="One person (a retired column type): name and user id.",
        fields=(CellField("person_id"),),
        facets=facets(
            text_facet("the name"), Facet("id", BIGINT, lambda cell: cell.scalar("person_id"), "the user's id")
        ),
    ),
    Family(
        types=("team",),
        value_types=("TeamValue",),
        refresh=Refresh.NAMES_LATER,
        note="One team (a retired column type): name and team id.",
        fields=(CellField("team_id"),),
        facets=facets(
            text_facet("the name"), Facet("id", BIGINT, lambda cell: cell.scalar("team_id"), "the team's id")
        ),
    ),
)
