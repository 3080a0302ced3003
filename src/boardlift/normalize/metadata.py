"""What is known of a board beside its items: the rows of its labels and groups tables."""

from __future__ import annotations

from boardlift.normalize.boards import BoardPlan


def label_rows(plan: BoardPlan) -> list[tuple[object, ...]]:
    """The labels of all columns that have any, in the columns of `LABEL_COLUMNS`."""
    rows: dict[tuple[str, int], tuple[object, ...]] = {}
    for column in plan.columns:
        for label in column.family.labels(column.source.settings):
            rows[column.source.id, label.id] = (
                column.source.id,
                column.facets[0].column.name,
                label.id,
                label.text.replace("\0", ""),
                label.position,
                label.color,
                label.is_done,
                label.is_deactivated,
            )
    return list(rows.values())


def group_rows(plan: BoardPlan) -> list[tuple[object, ...]]:
    """The groups, in the columns of `GROUP_COLUMNS`."""
    return [
        (group.id, group.title.replace("\0", ""), group.color, _position(group.position), group.archived)
        for group in {group.id: group for group in plan.board.groups}.values()
    ]


def _position(text: str) -> float | None:
    """Group positions are decimal numbers in strings (recorded answers)."""
    try:
        return float(text)
    except ValueError:
        return None
