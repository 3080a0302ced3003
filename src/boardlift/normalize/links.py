"""Members of multi-valued cells as rows of their own: from the list that a window's row holds to a link table."""

from __future__ import annotations

from boardlift.normalize.boards import PlannedColumn
from boardlift.normalize.casting import typed
from boardlift.normalize.select import WHICH, Batch, list_name
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier


def link_rows(column: PlannedColumn, rows: Composable, batch: Batch) -> Composable:
    """A SELECT of the link rows of one column, in the columns of its link table.

    in: a column with links, the table of the rows of a batch, and the batch. Of several boards, each row has the number
    of its window first.
    """
    assert column.links is not None
    members = list_name(column)
    values = [
        typed(batch.clean(link.raw(Identifier("e"))), link.type) + SQL(" AS ") + Identifier(link.name)
        for link in column.links.columns
    ]
    own = COMMA.join([*([WHICH] if batch.boards else []), Identifier("item_id")])
    return SQL(
        "SELECT {own}, CAST(ordinal AS INTEGER) AS ordinal, {values} FROM (SELECT {own}, unnest({members}) AS e, "
        "generate_subscripts({members}, 1) AS ordinal FROM {rows} WHERE len({members}) > 0)"
    ).format(own=own, values=COMMA.join(values), members=members, rows=rows)
