"""Columns that point at something else: people, tags, votes, files, items of other boards, subitems, mirrors."""

from __future__ import annotations

from boardlift.monday.model import BoardColumn
from boardlift.normalize.columns.family import (
    Cell,
    CellField,
    Facet,
    Family,
    LinkColumn,
    Links,
    Refresh,
    element_json,
    element_text,
    facets,
    first,
    ids_of,
    links,
    text_facet,
)
from boardlift.normalize.columns.registry import register
from boardlift.shape.sql import SQL, Composable
from boardlift.shape.types import BIGINT, INTEGER, JSON, TEXT, TIMESTAMP


def _name_joined(cell: Cell) -> Composable:
    return first(cell.scalar("display_value"), cell.text)


def _from_milliseconds(element: Composable) -> Composable:
    """File times are milliseconds since 1970 in a string (recorded answers)."""
    number = SQL("TRY_CAST({} ->> '$.createdAt' AS BIGINT)").format(element)
    return SQL("CAST(epoch_ms({}) AS VARCHAR) || '+00'").format(number)


_FILES = Links(
    elements=lambda cell: cell.json_list("$.files"),
    columns=(
        LinkColumn("asset_id", BIGINT, element_json("$.assetId")),
        LinkColumn("name", TEXT, element_json("$.name")),
        LinkColumn("file_type", TEXT, element_json("$.fileType")),
        LinkColumn("object_id", BIGINT, element_json("$.objectId")),
        LinkColumn("url", TEXT, element_json("$.linkToFile")),
        LinkColumn("created_at", TIMESTAMP, _from_milliseconds),
        LinkColumn("created_by", BIGINT, element_json("$.createdBy")),
    ),
)


def _mirror_links(column: BoardColumn) -> Links | None:
    """The linked items a mirror looks through: those of the connect column its settings name.

    Exact values come by joining them with the source board's table; asking monday for `mirrored_items` would cost
    objects for every link, and `display_value` joins values by commas they may contain (Mirror page).
    """
    through = mirrored_through(column)
    return None if through is None else Links(_LINKED.elements, _LINKED.columns, through=through)


def mirrored_through(column: BoardColumn) -> str | None:
    """The id of the connect column a mirror looks through; None when its settings do not say."""
    relation = column.settings.get("relation_column")
    if isinstance(relation, dict):
        chosen = [key for key, on in relation.items() if on]
        return str(chosen[0]) if len(chosen) == 1 else None
    return relation if isinstance(relation, str) and relation else None


_LINKED = Links(elements=lambda cell: cell.items("linked_item_ids"), columns=ids_of("linked_item_id"))

register(
    Family(
        types=("people",),
        value_types=("PeopleValue",),
        refresh=Refresh.NAMES_LATER,
        note="Names as monday joins them, and one row for each person, team or agent. Never inner-join to users: ids"
        " of deleted people stay.",
        asks_value=True,
        facets=facets(text_facet("the names, joined by commas")),
        links=links(
            Links(
                elements=lambda cell: cell.json_list("$.personsAndTeams"),
                columns=(
                    LinkColumn("id", BIGINT, element_json("$.id")),
                    LinkColumn("kind", TEXT, element_json("$.kind")),
                ),
            )
        ),
    ),
    Family(
        types=("tags",),
        value_types=("TagsValue",),
        refresh=Refresh.NAMES_LATER,
        note="Tag names as monday joins them, and one row for each tag.",
        fields=(CellField("tag_ids", is_list=True),),
        facets=facets(text_facet("the tags, joined by commas")),
        links=links(
            Links(
                elements=lambda cell: SQL("coalesce({}, TRY_CAST({} -> '$.tag_ids' AS VARCHAR[]))").format(
                    cell.items("tag_ids"), cell.value
                ),
                columns=ids_of("tag_id"),
            )
        ),
    ),
    Family(
        types=("vote",),
        value_types=("VoteValue",),
        note="The number of votes, and one row for each voter.",
        fields=(CellField("vote_count"), CellField("voter_ids", is_list=True)),
        facets=facets(
            Facet("", INTEGER, lambda cell: first(cell.scalar("vote_count"), cell.text), "votes"),
        ),
        links=links(
            Links(
                elements=lambda cell: SQL("coalesce({}, TRY_CAST({} -> '$.voter_ids' AS VARCHAR[]))").format(
                    cell.items("voter_ids"), cell.value
                ),
                columns=(LinkColumn("id", BIGINT, element_text),),
            )
        ),
    ),
    Family(
        types=("file",),
        value_types=("FileValue",),
        note="Protected addresses as monday joins them, and one row for each file. Public addresses expire within the "
        "hour and are not stored.",
        asks_value=True,
        facets=facets(text_facet("the files' addresses, joined by commas")),
        links=links(_FILES),
    ),
    Family(
        types=("doc", "direct_doc"),
        value_types=("DocValue", "DirectDocValue"),
        note="The document reference as monday keeps it.",
        asks_value=True,
        facets=facets(
            Facet(
                "",
                JSON,
                lambda cell: first(
                    SQL(
                        "CASE WHEN json_type({0} -> '$.files') = 'ARRAY' THEN CAST({0} -> '$.files' AS VARCHAR) END"
                    ).format(cell.value),
                    SQL("CAST(to_json({}) AS VARCHAR)").format(cell.text),
                ),
                "list of documents",
            )
        ),
    ),
    Family(
        types=("board_relation",),
        value_types=("BoardRelationValue",),
        refresh=Refresh.LATER,
        note="Names of the linked items as monday joins them, and one row for each linked item.",
        fields=(CellField("linked_item_ids", is_list=True), CellField("display_value")),
        facets=facets(Facet("", TEXT, _name_joined, "the linked items' names, joined by commas")),
        links=links(_LINKED),
    ),
    Family(
        types=("dependency",),
        value_types=("DependencyValue",),
        refresh=Refresh.LATER,
        note="Names of the items it depends on, and one row for each.",
        fields=(CellField("linked_item_ids", is_list=True), CellField("display_value")),
        facets=facets(Facet("", TEXT, _name_joined, "the items' names, joined by commas")),
        links=links(_LINKED),
    ),
    Family(
        types=("subtasks",),
        value_types=("SubtasksValue",),
        refresh=Refresh.LATER,
        note="Names of the subitems, and one row for each; the subitems' own columns are in the subitems table.",
        fields=(CellField("subitems_ids", is_list=True), CellField("display_value")),
        facets=facets(Facet("", TEXT, _name_joined, "the subitems' names, joined by commas")),
        links=links(Links(elements=lambda cell: cell.items("subitems_ids"), columns=ids_of("subitem_id"))),
    ),
    Family(
        types=("mirror",),
        value_types=("MirrorValue",),
        refresh=Refresh.LATER,
        note="What monday displays, and one row for each linked item it looks through: join them with the source "
        "board's table for exact, typed values.",
        fields=(CellField("display_value"),),
        facets=facets(Facet("", TEXT, _name_joined, "the mirrored values, joined by commas")),
        links=_mirror_links,
    ),
)
