"""How fast are rows loaded into SQLite, against `executemany` used bare? 100,000 rows of 30 mixed columns.

    PYTHONPATH=src:tests:benchmarks python benchmarks/load_sqlite.py [--rows 100000] [--runs 5]

Both floors fill the same table (key and all) in a file of the same settings, in one transaction. `same source` first
reads the same Arrow table into tuples, as any program has to; `tuples at hand` is given them ready made, for nothing.
Runs are interleaved; the figures are medians.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb

from append import TABLE, VALUES
from boardlift.destinations.sqlite.ddl import create_statement
from boardlift.destinations.sqlite.engine import SQLite
from boardlift.destinations.sqlite.load import Caster
from boardlift.testing.arrow import Rows

Tuples = list[tuple[object, ...]]
PLACES = ", ".join("?" * len(TABLE.columns))


def ours(path: Path, source: Rows, rows: int) -> float:
    destination = SQLite(f"sqlite:///{path}", "monday")
    destination.prepare()
    staged = destination.stage("1", 1, TABLE)
    started = time.perf_counter()
    count = destination.append(staged, source)
    seconds = time.perf_counter() - started
    destination.close()
    assert count == rows
    return seconds


def bare(path: Path, tuples: Callable[[], Tuples]) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(create_statement("wide", TABLE).text)
        started = time.perf_counter()
        found = tuples()
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO wide VALUES ({PLACES})", found)
        connection.execute("COMMIT")
        return time.perf_counter() - started


def as_anybody_would(source: Rows) -> Tuples:
    """All rows at once, with the types that sqlite3 does not know turned into text, column by column."""
    names = [f"c{place}" for place in range(len(TABLE.columns))]
    plain = {"bigint", "double", "text"}
    casts = [
        name
        if str(column.type) in plain
        else f"CAST({name} AS {'TINYINT' if str(column.type) == 'boolean' else 'VARCHAR'})"
        for name, column in zip(names, TABLE.columns, strict=True)
    ]
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.register("source", source.__arrow_c_stream__())
        return engine.execute(f"SELECT {', '.join(casts)} FROM source AS s({', '.join(names)})").fetchall()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    source = Rows(f"SELECT {VALUES} FROM range({arguments.rows})")
    source.materialize()
    caster = Caster()
    ready: Tuples = [row for batch in caster.batches(TABLE, source) for row in batch]
    caster.close()
    seconds: dict[str, list[float]] = {"boardlift": [], "same source": [], "tuples at hand": []}
    for _ in range(arguments.runs):
        with tempfile.TemporaryDirectory() as folder:
            seconds["boardlift"].append(ours(Path(folder) / "a.db", source, arguments.rows))
            seconds["same source"].append(bare(Path(folder) / "b.db", lambda: as_anybody_would(source)))
            seconds["tuples at hand"].append(bare(Path(folder) / "c.db", lambda: ready))
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    for name, median in medians.items():
        print(f"{name:<15} {median:.2f} s   boardlift / it {medians['boardlift'] / median:.2f}")


if __name__ == "__main__":
    main()
