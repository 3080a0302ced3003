"""Members of multi-valued cells as rows of their own: from the list that a window's row holds to a link table."""

from __future__ import annotations

from boardlift.normalize.boards import PlannedColumn
from boardlift.normalize.casting import typed
from boardlift.normalize.select import CleanText, list_name
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier


def link_rows(column: PlannedColumn, rows: Composable, clean: CleanText) -> Composable:
    """A SELECT of the link rows of one column, in the columns of its link table.

    in: a column with links, the table of the window's rows, and how text is cleaned.
    """
    assert column.links is not None
    members = list_name(column)
    values = [
        typed(clean(link.raw(Identifier("e"))), link.type) + SQL(" AS ") + Identifier(link.name)
        for link in column.links.columns
    ]
    return SQL(
        "SELECT item_id, CAST(ordinal AS INTEGER), {values} FROM (SELECT item_id, unnest({members}) AS e, "
        "generate_subscripts({members}, 1) AS ordinal FROM {rows} WHERE len({members}) > 0)"
    ).format(values=COMMA.join(values), members=members, rows=rows)
