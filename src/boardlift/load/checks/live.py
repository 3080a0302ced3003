"""Checks of what is live already, for `boardlift check`: nothing was lost or changed behind our back."""

from __future__ import annotations

from boardlift.destinations.interface import Destination, Generation
from boardlift.errors import CheckResult
from boardlift.shape.sql import SQL, Composable, Identifier
from boardlift.shape.table import Table
from boardlift.words import count


def check_live(destination: Destination, live: Generation, main: Table) -> list[CheckResult]:
    """Count every live table of a generation against the catalogue, and the main table's keys."""
    results = []
    for stored in live.tables:
        name = Composable(destination.address(stored.name))
        _, counted = destination.query(str(SQL("SELECT count(*) FROM {}").format(name)))
        rows = _whole(counted[0][0])
        results.append(
            CheckResult("intact", stored.name, rows == stored.rows, count(rows, "row"), f"{stored.rows:,} as promoted")
        )
    key = Identifier(main.key[0])
    statement = SQL("SELECT count(*) - count(DISTINCT {}) FROM {}").format(
        key, Composable(destination.address(live.tables[0].name))
    )
    _, repeated = destination.query(str(statement))
    extra = _whole(repeated[0][0])
    results.append(CheckResult("key_unique", live.tables[0].name, extra == 0, f"{extra} rows repeat a key", "0"))
    return results


def _whole(value: object) -> int:
    return int(str(value))
