"""Values that do not fit the type of their column: a flag for each row, and quarantine's rows for those flagged."""

from __future__ import annotations

from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.casting import misfit, reason, typed
from boardlift.normalize.select import numbered_facets
from boardlift.shape.sql import COMMA, SQL, Composable, Literal


def misfit_rows(plan: BoardPlan, raw_rows: Composable) -> Composable:
    """A SELECT of every misfit of some raw rows, in the columns of `QUARANTINE_COLUMNS`.

    It asks again, cell by cell, and is run only for a window that has any: the usual one pays for one boolean a row.
    """
    cells = []
    for raw, column, planned in numbered_facets(plan):
        value = typed(raw, planned.column.type)
        flag = misfit(raw, value, planned.column.type)
        if flag is not None:
            cells.append(
                SQL("CASE WHEN {} THEN {{'column_id': {}, 'column_name': {}, 'value': {}, 'reason': {}}} END").format(
                    flag,
                    Literal(column.source.id),
                    Literal(planned.column.name),
                    raw,
                    reason(value, planned.column.type),
                )
            )
    return SQL(
        "SELECT item_id, m.column_id, m.column_name, m.value, m.reason FROM (SELECT TRY_CAST(id AS BIGINT) AS item_id, "
        "unnest([{}]) AS m FROM ({})) WHERE m IS NOT NULL"
    ).format(COMMA.join(cells), raw_rows)
