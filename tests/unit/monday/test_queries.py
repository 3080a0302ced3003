"""Every query boardlift can send is valid against the API's own schema."""

from __future__ import annotations

import os
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from boardlift.monday import queries
from boardlift.monday.dialect import FORMS
from boardlift.monday.queries import ItemsQuery, Selection
from boardlift.monday.wire import Request

REAL_SDL = Path(
    os.environ.get("BOARDLIFT_REAL_SDL") or Path(__file__).parents[4] / "shared" / "monday-api" / "schema.graphql"
)

EVERYTHING = Selection(
    column_ids=("status", "date4"),
    fragments=(
        ("StatusValue", ("index", "label", "is_done", "updated_at")),
        ("DropdownValue", ("values{id label}",)),
        ("PeopleValue", ("persons_and_teams{id kind}",)),
        ("TagsValue", ("tag_ids",)),
        ("TimelineValue", ("from", "to", "visualization_type")),
        ("WeekValue", ("start_date", "end_date")),
        ("HourValue", ("hour", "minute")),
        ("CheckboxValue", ("checked",)),
        ("LinkValue", ("url", "url_text")),
        ("EmailValue", ("email", "label")),
        ("PhoneValue", ("phone", "country_short_name")),
        ("CountryValue", ("country{code name}",)),
        ("LocationValue", ("lat", "lng", "address", "city", "loc_country:country", "place_id")),
        ("RatingValue", ("rating",)),
        ("VoteValue", ("vote_count", "voter_ids")),
        ("WorldClockValue", ("timezone",)),
        ("ColorPickerValue", ("color",)),
        ("BoardRelationValue", ("linked_item_ids", "display_value")),
        ("DependencyValue", ("linked_item_ids", "dependency_links{linked_item_id dependency_type lag}")),
        ("MirrorValue", ("display_value",)),
        ("FormulaValue", ("display_value",)),
        ("SubtasksValue", ("subitems_ids",)),
        ("CreationLogValue", ("created_at", "creator_id")),
        ("LastUpdatedValue", ("updated_at", "updater_id")),
        ("ItemIdValue", ("item_id",)),
        ("TimeTrackingValue", ("duration", "running", "started_at")),
        ("IntegrationValue", ("entity_id", "issue_id", "issue_api_url")),
        ("GroupValue", ("group_id",)),
        ("TextValue", ()),
    ),
    with_parent=True,
)
NOTHING = Selection((), text=False, value=False)
IN_ORDER = ItemsQuery(
    rules=(FORMS[0].rule("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),), order=(("__creation_log__", "asc"),)
)
REQUESTS = {
    "account": queries.account(),
    "board_list": queries.board_list(1),
    "board_list_plain": queries.board_list(2, plain=True),
    "board_shapes": queries.board_shapes(["1", "2"]),
    "board_counts": queries.board_counts(["1"]),
    "users": queries.users(1),
    "teams": queries.teams(),
    "tags": queries.tags(),
    "workspaces": queries.workspaces(1),
    "first_items": queries.first_items("1", EVERYTHING, 500),
    "first_items_all_levels": queries.first_items("1", EVERYTHING, 500, all_levels=True),
    "first_items_nothing": queries.first_items("1", NOTHING, 500),
    "first_items_in_order": queries.first_items("1", EVERYTHING, 500, query=IN_ORDER),
    "probe_items": queries.probe_items("1", IN_ORDER),
    "bundled_items": queries.bundled_items([("1", EVERYTHING, 40), ("2", NOTHING, 3)], 500),
    "next_items": queries.next_items("1", "c", EVERYTHING, 500),
    "next_items_all_levels": queries.next_items("1", "c", EVERYTHING, 500, all_levels=True),
    "next_items_nothing": queries.next_items("1", "c", NOTHING, 25),
}


@cache
def real_schema() -> GraphQLSchema:
    if not REAL_SDL.is_file():
        pytest.skip(f"no copy of the API's schema at {REAL_SDL}; set BOARDLIFT_REAL_SDL")
    return build_schema(REAL_SDL.read_text(encoding="utf-8"), assume_valid_sdl=True)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_a_query_is_valid_against_the_real_schema(request_: Request) -> None:
    """Types, fields, arguments and variables all exist in version 2026-10."""
    assert validate(real_schema(), parse(request_.query)) == []


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_a_query_is_valid_against_the_shipped_schema(request_: Request) -> None:
    """The sandbox knows all that boardlift asks."""
    schema = build_schema(files("boardlift.sandbox").joinpath("schema.graphql").read_text(encoding="utf-8"))
    assert validate(schema, parse(request_.query)) == []


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_variables_are_declared_and_given(request_: Request) -> None:
    """What is declared is what is sent."""
    declared = set(re.findall(r"\$(\w+):", request_.query))
    assert declared == set(request_.variables)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_every_query_asks_its_price(request_: Request) -> None:
    """`complexity` is in all of them, under the operation's own name."""
    assert request_.query.startswith(f"query {request_.operation}")
    assert "complexity{query before after reset_in_x_seconds}" in request_.query


def test_lists_pass_their_limit() -> None:
    """The API's defaults (25 boards, 200 users) cut silently."""
    for name in ("board_list", "board_shapes", "board_counts", "users", "workspaces", "first_items", "next_items"):
        assert "limit:$limit" in REQUESTS[name].query
    assert REQUESTS["board_shapes"].variables["limit"] == 2


def test_an_item_begins_with_its_id_and_creation_time() -> None:
    """The spool reads both from an item's first bytes."""
    assert "items{id created_at " in REQUESTS["first_items"].query


def test_text_and_value_are_asked_only_when_wanted() -> None:
    """Bytes that are not asked for need not be read."""
    bare = queries.first_items("1", Selection(("a",), text=False, value=False), 10)
    assert "column_values(ids:$columns){id}" in bare.query
    full = queries.first_items("1", Selection(("a",)), 10)
    assert "column_values(ids:$columns){id text value}" in full.query


def test_no_cell_asks_for_its_column() -> None:
    """`column{}` would cost an object a cell."""
    assert "column{" not in "".join(request.query for request in REQUESTS.values())


def test_the_items_of_a_board_are_booked_on_it() -> None:
    """The label is the board's id."""
    assert REQUESTS["first_items"].label == REQUESTS["next_items"].label == "1"
