"""A fingerprint of all rows of a table, made by the server in one pass, whatever the order of the rows.

Each row is written out and hashed with SHA-256; the four quarters of the hashes are added up, and the rows counted. A
sum does not depend on the order, and takes no memory that grows with the table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from boardlift.destinations.postgres.inspect import Ask
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_QUARTER = SQL("sum(('x' || substr(h, {}, 16))::bit(64)::bigint)")


def fingerprint(ask: Ask, target: Composable, columns: Iterable[str]) -> str:
    """The fingerprint of these columns, in this order, of a table. Raises psycopg.Error."""
    quarters = COMMA.join(_QUARTER.format(Literal(1 + 16 * number)) for number in range(4))
    row = COMMA.join(Identifier(column) for column in columns)
    statement = SQL(
        "SELECT count(*), {} FROM"
        " (SELECT encode(sha256(convert_to(ROW({})::text, 'UTF8')), 'hex') AS h FROM {}) AS rows"
    )
    ((count, *sums),) = ask(statement.format(quarters, row, target))
    said = hashlib.sha256(" ".join(str(part) for part in sums).encode()).hexdigest()[:40]
    return f"{count}:{said}"
