"""Columns whose values are labels of the board: status and dropdown. Their labels become the board's labels table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from boardlift.monday.model import BoardColumn
from boardlift.normalize.columns.family import (
    CellField,
    Facet,
    Family,
    Label,
    LinkColumn,
    Links,
    element_text,
    facets,
    first,
    text_facet,
)
from boardlift.normalize.columns.registry import register
from boardlift.shape.sql import SQL, Composable, Literal
from boardlift.shape.types import BIGINT, INTEGER, TEXT


def _labels(settings: Mapping[str, object]) -> tuple[Label, ...]:
    """Labels from `settings`, or from the older `settings_str`, whose formats differ (Column types pages).

    In `settings` a status label's `id` is what a cell calls `index`, and `index` is its place on screen.
    """
    return tuple(_known(settings.get("labels"), settings.get("labels_positions_v2"), settings.get("done_colors")))


def _known(labels: object, positions: object, done: object) -> Iterator[Label]:
    if isinstance(labels, Mapping):
        places = positions if isinstance(positions, Mapping) else {}
        ready = done if isinstance(done, list) else []
        for key, text in labels.items():
            if str(key).lstrip("-").isdigit():
                number = int(str(key))
                yield Label(number, str(text), _whole(places.get(key)), None, number in ready)
    elif isinstance(labels, list):
        for entry in labels:
            chosen = _whole(entry.get("id")) if isinstance(entry, Mapping) else None
            if chosen is not None:
                yield Label(
                    id=chosen,
                    text=str(entry.get("label") if entry.get("label") is not None else entry.get("name") or ""),
                    position=_whole(entry.get("index")),
                    color=str(entry["hex"]) if entry.get("hex") else None,
                    is_done=_flag(entry.get("is_done")),
                    is_deactivated=_flag(entry.get("is_deactivated")),
                )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _dropdown_links(column: BoardColumn) -> Links:
    """One row for each chosen label, its text from the settings: `text` joins labels by commas they may contain."""
    labels = _labels(column.settings)
    ids = SQL(", ").join(Literal(str(label.id)) for label in labels)
    texts = SQL(", ").join(Literal(label.text.replace("\0", "")) for label in labels)
    by_id: Composable = SQL("map([{}], [{}])").format(ids, texts) if labels else SQL("map([''], [''])")

    def label(element: Composable) -> Composable:
        return SQL("{}[CAST({} AS VARCHAR)]").format(by_id, element)

    return Links(
        elements=lambda cell: cell.json_list("$.ids"),
        columns=(LinkColumn("label_id", BIGINT, element_text), LinkColumn("label", TEXT, label)),
    )


register(
    Family(
        types=("status",),
        value_types=("StatusValue",),
        note="The label's text, and its number, which stays the same when the label is renamed.",
        fields=(CellField("index"), CellField("label")),
        facets=facets(
            Facet("", TEXT, lambda cell: first(cell.scalar("label"), cell.text), "the label"),
            Facet("index", INTEGER, lambda cell: first(cell.scalar("index"), cell.json("$.index")), "label number"),
        ),
        labels=_labels,
    ),
    Family(
        types=("dropdown",),
        value_types=("DropdownValue",),
        note="The labels as monday joins them, and one row for each in the link table.",
        asks_value=True,
        facets=facets(text_facet("the labels, joined by commas")),
        links=_dropdown_links,
        labels=_labels,
    ),
)
