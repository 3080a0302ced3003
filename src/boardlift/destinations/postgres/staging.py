"""The statements that make and measure staged tables in PostgreSQL, many in one. Nothing here talks to a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from boardlift.destinations.interface import StagedRef
from boardlift.destinations.postgres.ddl import create_statement
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_MADE_TOGETHER = 100
_MEASURED_TOGETHER = 50


def making(hidden: str, refs: Sequence[StagedRef]) -> Iterator[Composable]:
    """Make empty tables, dropping leftovers of the same name. Each script is one transaction."""
    statements = [
        SQL("DROP TABLE IF EXISTS {0}; {1}").format(target, create_statement(target, ref.table))
        for ref in refs
        for target in (Identifier(hidden, ref.hidden_name),)
    ]
    for start in range(0, len(statements), _MADE_TOGETHER):
        yield SQL("; ").join(statements[start : start + _MADE_TOGETHER])


def measuring(hidden: str, refs: Sequence[StagedRef]) -> Iterator[Composable]:
    """Questions whose rows are, in the order of `refs`: number, rows, rows without a key, distinct keys."""
    parts = [_measurement(hidden, number, ref) for number, ref in enumerate(refs)]
    for start in range(0, len(parts), _MEASURED_TOGETHER):
        yield SQL(" UNION ALL ").join(parts[start : start + _MEASURED_TOGETHER]) + SQL(" ORDER BY 1")


def _measurement(hidden: str, number: int, ref: StagedRef) -> Composable:
    target = Identifier(hidden, ref.hidden_name)
    key = [Identifier(name) for name in ref.table.key]
    if not key:
        return SQL("SELECT {}, count(*), 0::bigint, count(*) FROM {}").format(Literal(number), target)
    # Grouping may spread over processes and disk, which count(DISTINCT ...) never does.
    return SQL(
        "SELECT {number}, coalesce(sum(n), 0)::bigint, coalesce(sum(n) FILTER (WHERE bad), 0)::bigint,"
        " count(*) FILTER (WHERE NOT bad) FROM"
        " (SELECT count(*) AS n, {null} AS bad FROM {target} GROUP BY {key}) AS keys"
    ).format(
        number=Literal(number),
        null=SQL(" OR ").join(SQL("{} IS NULL").format(name) for name in key),
        target=target,
        key=COMMA.join(key),
    )
