"""How long 100,000 rows x 30 columns take into MariaDB: the server's own LOAD DATA of a finished file, and boardlift.

    PYTHONPATH=src:tests python benchmarks/load_mariadb.py [--rows 100000] [--runs 5] [--url mysql://...]

Without --url a MariaDB is started and thrown away afterwards.

Both begin with the same rows in DuckDB's memory and end with a table that has its primary key. The bare way is given
the CSV file ready-made; boardlift makes it on the way. The namespace `benchmark` is dropped afterwards.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import duckdb

from boardlift.destinations.interface import StagedRef
from boardlift.destinations.mysql.ddl import create_statement, seal_statement
from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.mysql.errors import read_url
from boardlift.destinations.mysql.session import Session
from boardlift.shape.sql import SQL, Identifier, Literal
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, BOOLEAN, DATE, NUMBER, TEXT, TIMESTAMP
from boardlift.testing.arrow import Rows
from support.mariadb import own_server

KINDS = [
    (TEXT, "'some words ' || (range * 7919 % 100003)"),
    (TEXT, "CASE range % 4 WHEN 0 THEN 'Done' WHEN 1 THEN 'Working on it' WHEN 2 THEN 'Stuck' END"),
    (NUMBER, "CAST(range * 1.25 AS DECIMAL(38,10))"),
    (DATE, "DATE '2020-01-01' + CAST(range % 2000 AS INTEGER)"),
    (TIMESTAMP, "TIMESTAMPTZ '2020-01-01 00:00:00+00' + INTERVAL (range) SECOND"),
    (BOOLEAN, "range % 3 = 0"),
]


def table() -> tuple[Table, str]:
    """The table, and the SELECT of its rows with a {rows} place."""
    picked = [KINDS[n % len(KINDS)] for n in range(29)]
    columns = [Column(f"c{n}", kind) for n, (kind, _) in enumerate(picked)]
    values = ", ".join(value for _, value in picked)
    shape = Table("items", (Column("item_id", BIGINT, nullable=False), *columns), key=("item_id",))
    return shape, f"SELECT range, {values} FROM range({{rows}})"


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def written(folder: Path, select: str) -> Path:
    path = folder / "rows.csv"
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        stamps = "SELECT * REPLACE (" + ", ".join(f"timezone('UTC', c{n}) AS c{n}" for n in range(4, 29, 6)) + ")"
        flags = ", ".join(f"CAST(c{n} AS TINYINT) AS c{n}" for n in range(5, 29, 6))
        names = ", ".join(["item_id", *(f"c{n}" for n in range(29))])
        rows = f"{stamps[:-1]}, {flags}) FROM ({select}) AS r({names})"
        engine.execute(f"COPY ({rows}) TO '{path}' (FORMAT csv, HEADER false, NULLSTR 'NULL')")
    path.chmod(0o644)
    return path


def bare(session: Session, path: Path, shape: Table) -> None:
    target = Identifier("benchmark__boardlift", "bare")
    session.run(SQL("DROP TABLE IF EXISTS {}").format(target))
    session.run(create_statement(target, shape, session))
    with path.open("rb") as file:
        session.raw.feed = iter(partial(file.read, 1 << 16), b"")
        session.run(
            SQL(
                "LOAD DATA LOCAL INFILE {} INTO TABLE {} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','"
                " OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY 0x0A"
            ).format(Literal("boardlift"), target)
        )


def sealed(session: Session, shape: Table, name: str) -> None:
    statement = seal_statement(Identifier("benchmark__boardlift", name), shape, set())
    assert statement is not None
    session.run(statement)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--url", help="a server on which the namespace `benchmark` is free")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        url = arguments.url
        if url is None:
            server = own_server()
            stack.callback(server.stop)
            url = server.url
        measure(url, arguments.rows, arguments.runs)


def measure(url: str, rows: int, rounds: int) -> None:
    shape, select = table()
    source = Rows(select.format(rows=rows))
    source.materialize()
    destination, session = MySQL(url, "benchmark"), Session(read_url(url), "benchmark")
    destination.prepare()
    took: dict[str, list[float]] = {"bare": [], "bare key": [], "boardlift": [], "boardlift key": [], "insert": []}
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), select.format(rows=rows))
        for _ in range(rounds):
            took["bare"].append(timed(lambda: bare(session, path, shape)))
            took["bare key"].append(timed(lambda: sealed(session, shape, "bare")))
            ref: list[StagedRef] = []
            destination._local = True
            took["boardlift"].append(timed(lambda ref=ref: stage(destination, shape, source, ref)))
            took["boardlift key"].append(timed(lambda ref=ref: sealed(session, shape, ref[0].hidden_name)))
            destination._local = False
            took["insert"].append(timed(lambda ref=ref: stage(destination, shape, source, ref)))
        size = path.stat().st_size
    session.close()
    destination.drop_staged()
    destination.discard()
    middle = {name: median(times) for name, times in took.items()}
    print(f"{rows:,} rows x 30 columns, {size / 1e6:.1f} MB of CSV, median of {rounds} rounds, in seconds")
    for name, seconds in middle.items():
        print(f"{name:>14}  {seconds:6.2f}   {', '.join(f'{one:.2f}' for one in took[name])}")
    whole = (middle["boardlift"] + middle["boardlift key"]) / (middle["bare"] + middle["bare key"])
    print(
        f"rows alone: {middle['boardlift'] / middle['bare']:.2f} times the bare time; with the key: {whole:.2f} times"
    )


def stage(destination: MySQL, shape: Table, source: Rows, ref: list[StagedRef]) -> None:
    ref[:] = [destination.stage("1", 1, shape)]
    destination.append(ref[0], source)


if __name__ == "__main__":
    main()
