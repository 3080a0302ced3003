"""A fingerprint of the rows of a table, made by the server: equal exactly if the same rows are there, in any order."""

from __future__ import annotations

from boardlift.destinations.mysql import inspect
from boardlift.destinations.mysql.session import Session
from boardlift.errors import UNCHANGED, DestinationError
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier

_LONG = ("longtext", "json", "varchar", "text", "mediumtext")


def fingerprint(session: Session, namespace: str, name: str) -> str:
    """Rows, and the sum over all rows of four 64-bit parts of a row's SHA-256. Raises the driver's errors."""
    table = inspect.read(session, namespace, name)
    if table is None:
        raise DestinationError(
            f"The table {name} is missing in {namespace}. {UNCHANGED}", hint="run `boardlift doctor`"
        )
    # NULL and no value are told apart; long texts are hashed by themselves, for a row of them has a longest length.
    values = [
        SQL("coalesce({}, '-')").format(
            SQL("sha2(CAST({} AS CHAR), 256)").format(Identifier(column.name))
            if column.type.startswith(_LONG)
            else SQL("concat('+', {})").format(Identifier(column.name))
        )
        for column in table.columns
        if not column.generated
    ]
    row = SQL("sha2(concat_ws('|', {}), 256)").format(COMMA.join(values))
    sums = COMMA.join(
        SQL("coalesce(sum(CAST(conv(substr(h, {}, 16), 16, 10) AS UNSIGNED)), 0)").format(Composable(str(at)))
        for at in (1, 17, 33, 49)
    )
    statement = SQL("SELECT count(*), {} FROM (SELECT {} AS h FROM {}) AS hashed").format(sums, row, table.place)
    return "-".join(f"{int(str(value)):x}" for value in session.ask(statement)[0])
