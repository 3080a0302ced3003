"""How fast are rows loaded, against the engine's own bulk path used bare, and against dlt? One Parquet file for all.

    PYTHONPATH=src:tests:benchmarks python benchmarks/load.py [--rows 100000] [--runs 5] [--dlt-python PATH]

`bare` fills the same table by the engine's fastest way and nothing else: DuckDB by INSERT from the Parquet file,
PostgreSQL by the binary COPY of ADBC, fed from the same file. `ready` is a COPY of bytes that somebody encoded before:
what the server alone takes. `boardlift` stages, appends, counts, and makes the table live;
`append` is the part of it that the bare way does. `dlt` is its `run` without start-up. Interleaved; medians.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import adbc_driver_manager
import adbc_driver_postgresql
import duckdb
import psycopg

from append import ROUND, TABLE
from boardlift.destinations.duckdb.ddl import create_statement as create_in_duckdb
from boardlift.destinations.interface import StagedGroup
from boardlift.destinations.postgres.ddl import create_statement as create_in_postgres
from boardlift.destinations.registry import open_destination
from boardlift.shape.sql import Identifier
from boardlift.shape.types import JSON
from boardlift.testing.arrow import Rows
from run import postgres

Runs = dict[str, list[float]]
# JSON travels as text: not every reader of Parquet knows the type.
VALUES = ", ".join(
    f"{f'CAST({value} AS VARCHAR)' if kind == JSON else value} AS {column.name}"
    for column, (kind, value) in zip(
        TABLE.columns, [(None, "range"), *(ROUND[n % 10] for n in range(len(TABLE.columns) - 1))], strict=True
    )
)
HERE = Path(__file__).parent


def boardlift(url: str, parquet: Path, rows: int) -> tuple[float, float]:
    """Seconds of the append alone, and of all from an empty staged table to a live one."""
    destination = open_destination(url, "monday")
    destination.prepare()
    started = time.perf_counter()
    staged = destination.stage("1", 1, TABLE)
    appending = time.perf_counter()
    count = destination.append(staged, Rows(f"FROM read_parquet('{parquet}')"))
    appended = time.perf_counter() - appending
    assert count == destination.measure(staged).rows == rows
    destination.promote("1", [StagedGroup("1", 1, ((staged, count),))])
    whole = time.perf_counter() - started
    destination.close()
    return appended, whole


def bare_duckdb(file: Path, parquet: Path) -> float:
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(create_in_duckdb(Identifier("wide"), TABLE).text)
        started = time.perf_counter()
        connection.execute(f"INSERT INTO wide FROM read_parquet('{parquet}')")
        connection.execute("CHECKPOINT")
        return time.perf_counter() - started


def bare_postgres(url: str, parquet: Path) -> float:
    with psycopg.connect(url) as connection:
        connection.execute(create_in_postgres(Identifier("bare"), TABLE).text.encode())
    values = (f"chr(1) || {each.name} AS {each.name}" if each.type == JSON else each.name for each in TABLE.columns)
    with (
        duckdb.connect() as reader,
        adbc_driver_postgresql.connect(url) as database,
        adbc_driver_manager.AdbcConnection(database) as connection,
        adbc_driver_manager.AdbcStatement(connection) as statement,
    ):
        reader.execute("SET TimeZone = 'UTC'")
        statement.set_options(**{"adbc.ingest.target_table": "bare", "adbc.ingest.mode": "adbc.ingest.mode.append"})
        started = time.perf_counter()
        rows = reader.sql(f"SELECT {', '.join(values)} FROM read_parquet('{parquet}')")
        statement.bind_stream(rows.__arrow_c_stream__())
        statement.execute_update()
        return time.perf_counter() - started


def ready_postgres(url: str, ready: Path) -> float:
    with psycopg.connect(url) as connection:
        connection.execute(create_in_postgres(Identifier("bare"), TABLE).text.encode())
        connection.commit()
        started = time.perf_counter()
        with connection.cursor().copy("COPY bare FROM STDIN (FORMAT binary)") as copy, ready.open("rb") as file:
            while piece := file.read(1 << 20):
                copy.write(piece)
        connection.commit()
        return time.perf_counter() - started


def make_ready(url: str, ready: Path) -> None:
    """The binary form of the rows, taken from a table that boardlift loaded."""
    statement = "COPY monday.wide TO STDOUT (FORMAT binary)"
    with psycopg.connect(url) as connection, ready.open("wb") as file, connection.cursor().copy(statement) as copy:
        for piece in copy:
            file.write(piece)


def dlt(python: str, parquet: Path, folder: Path, engine: str, where: str) -> float:
    command = [python, str(HERE / "dlt_parquet.py"), str(parquet), str(folder), engine, where]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(told.strip().splitlines()[-1])


def table(engine: str, runs: Runs) -> str:
    """Lines of a markdown table; ratios are medians of the ratios of runs that followed each other."""
    lines = []
    for name, seconds in runs.items():
        base = runs["bare"] if name in {"append", "boardlift"} else runs["boardlift"]
        ratio = statistics.median(mine / other for mine, other in zip(seconds, base, strict=True))
        said = {"bare": "", "ready": "", "dlt": f"{ratio:.1f} times boardlift"}.get(name, f"{ratio:.2f} times bare")
        lines.append(f"| {engine} | {name} | {statistics.median(seconds):.2f} | {said} |")
    return "\n".join(lines)


def series(rounds: int, contenders: Callable[[Path], dict[str, float]]) -> Runs:
    runs: Runs = {}
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            for name, seconds in contenders(Path(folder)).items():
                if number:  # the first warms the caches
                    runs.setdefault(name, []).append(seconds)
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dlt-python", help="the interpreter of a virtualenv that has dlt")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        parquet, ready = place / "rows.parquet", place / "rows.copy"
        duckdb.sql(f"COPY (SELECT {VALUES} FROM range({arguments.rows})) TO '{parquet}' (FORMAT parquet)")
        fresh = stack.enter_context(postgres())

        def into_duckdb(folder: Path) -> dict[str, float]:
            append, whole = boardlift(f"duckdb:///{folder / 'ours.duckdb'}", parquet, arguments.rows)
            found = {"bare": bare_duckdb(folder / "bare.duckdb", parquet), "append": append, "boardlift": whole}
            if arguments.dlt_python:
                found["dlt"] = dlt(arguments.dlt_python, parquet, folder, "duckdb", str(folder / "dlt.duckdb"))
            return found

        def into_postgres(folder: Path) -> dict[str, float]:
            url = fresh()
            append, whole = boardlift(url, parquet, arguments.rows)
            if not ready.exists():
                make_ready(url, ready)
            found = {"ready": ready_postgres(fresh(), ready), "bare": bare_postgres(fresh(), parquet)}
            found |= {"append": append, "boardlift": whole}
            if arguments.dlt_python:
                found["dlt"] = dlt(arguments.dlt_python, parquet, folder, "postgres", fresh())
            return found

        print(f"{arguments.rows:,} rows x {len(TABLE.columns)} columns, {arguments.runs} interleaved runs; medians\n")
        print("| into | | seconds | |\n|---|---|---|---|")
        print(table("DuckDB", series(arguments.runs, into_duckdb)))
        print(table("PostgreSQL", series(arguments.runs, into_postgres)))


if __name__ == "__main__":
    main()
