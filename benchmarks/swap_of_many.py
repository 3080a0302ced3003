"""How long does a reader wait when one commit replaces very many PostgreSQL tables?

    PYTHONPATH=src:tests python benchmarks/swap_of_many.py [--boards 200] [--links 9] [--swaps 5] [--readers 8]
        [--most 50,100,250] [--url postgresql://...]

Boards of a main table and link tables, all of them replaced again and again, while readers ask one table after the
other. `--most` sets how many tables one commit may replace, 0 for no limit; without it the product's own rule is
measured. A read counts as blocked for as long as it took. Exit code 1 when a read failed or took more than 250 ms.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from boardlift.clock import SystemClock
from boardlift.destinations.interface import StagedGroup
from boardlift.destinations.postgres.engine import Postgres
from boardlift.ledger import Ledger, RunKind
from boardlift.load.promote import promote
from boardlift.load.validate import ValidatedTables
from boardlift.shape.table import Column, Index, Table, TableGroup
from boardlift.shape.types import BIGINT, DATE, INTEGER, NUMBER, TEXT
from boardlift.testing.arrow import Rows

BLOCKED_MS = 250
ITEMS = 50
MAIN = (
    Column("item_id", BIGINT, nullable=False),
    *(Column(f"text_{n}", TEXT, label=f"Text {n}") for n in range(12)),
    *(Column(f"number_{n}", NUMBER, label=f"Number {n}") for n in range(6)),
    *(Column(f"day_{n}", DATE, label=f"Day {n}") for n in range(4)),
)
LINK = (
    Column("item_id", BIGINT, nullable=False),
    Column("ordinal", INTEGER, nullable=False),
    Column("linked_id", BIGINT),
    Column("name", TEXT),
)
MAIN_ROWS = (
    f"SELECT range, {', '.join(['chr(CAST(65 + range % 26 AS INTEGER))'] * 12)}, {', '.join(['range * 1.5'] * 6)},"
    f" {', '.join(['DATE ' + repr('2026-01-01')] * 4)} FROM range({ITEMS})"
)
LINK_ROWS = f"SELECT range, 0, range, 'name' FROM range({ITEMS})"


def group_of(board: int, links: int) -> TableGroup:
    name = f"board_{board}"
    main = Table(name, MAIN, ("item_id",), label=f"Board {board}")
    more = [
        Table(f"{name}__link_{n}", LINK, ("item_id", "ordinal"), indexes=(Index(("linked_id",)),)) for n in range(links)
    ]
    return TableGroup(str(board), main, tuple(more))


def staged(destination: Postgres, groups: list[TableGroup], generation: int) -> list[ValidatedTables]:
    wanted = [(group.key, generation, table) for group in groups for table in group.tables]
    refs = destination.stage_all(wanted)
    found: dict[str, list[tuple[object, int]]] = {}
    for ref in refs:
        rows = MAIN_ROWS if len(ref.table.columns) == len(MAIN) else LINK_ROWS
        found.setdefault(ref.group, []).append((ref, destination.append(ref, Rows(rows))))
    return [
        ValidatedTables(group, StagedGroup(group.key, generation, tuple(found[group.key])), ())  # type: ignore[arg-type]
        for group in groups
    ]


def read_until(
    url: str, names: list[str], first: int, ready: Event, busy: Event, stop: Event, send: Connection
) -> None:
    """Ask one table after the other while boardlift is busy; send the milliseconds of each read, and what failed."""
    took, failed = [], []
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        turn = first
        ready.set()
        while not stop.is_set():
            if not busy.wait(0.05):
                continue
            name = names[turn * 7919 % len(names)]
            started = time.perf_counter()
            try:
                ((count,),) = connection.execute(f"SELECT count(*) FROM monday.{name}".encode()).fetchall()
                if count != ITEMS:
                    failed.append(f"{name}: {count} rows")
            except (psycopg.Error, ValueError) as error:
                failed.append(f"{name}: {error}")
            took.append((time.perf_counter() - started) * 1000)
            turn += 1
    send.send((took, failed))
    send.close()


def measure(url: str, arguments: argparse.Namespace, most: int | None, ledger: Ledger) -> bool:
    """Whether a reader failed or waited too long."""
    destination = Postgres(url, "monday")
    if most is not None:
        destination.capabilities = replace(destination.capabilities, tables_in_one_commit=most)  # type: ignore[misc]
    destination.prepare()
    groups = [group_of(board, arguments.links) for board in range(arguments.boards)]
    names = [table.name for group in groups for table in group.tables]
    generation = max((stored.number for stored in destination.generations()), default=0)

    context = multiprocessing.get_context("spawn")
    busy, stop = context.Event(), context.Event()

    def swap() -> tuple[int, float, float]:
        nonlocal generation
        generation += 1
        tables = staged(destination, groups, generation)
        run = ledger.start_run(RunKind.SYNC, destination.identity, "monday", "benchmark").id
        busy.set()
        started = time.perf_counter()
        outcome = promote(run, tables, destination, ledger).outcome
        busy.clear()
        assert outcome is not None
        seconds = time.perf_counter() - started
        for group in groups:
            destination.retain(group.key, 1)
        return outcome.commits, outcome.blocked_ms, seconds

    swap()
    readers = []
    for number in range(arguments.readers):
        receive, send = context.Pipe(duplex=False)
        ready = context.Event()
        process = context.Process(target=read_until, args=(url, names, number, ready, busy, stop, send))
        process.start()
        ready.wait(60)
        readers.append((process, receive))
    done = [swap() for _ in range(arguments.swaps)]
    stop.set()
    took: list[float] = []
    failed: list[str] = []
    for process, receive in readers:
        some, wrong = receive.recv()
        took += some
        failed += wrong
        process.join()
    destination.close()
    held, worst = max(blocked for _, blocked, _ in done), max(took)
    rule = "as it is" if most is None else str(most)
    print(
        f"most {rule}: {len(names)} tables, {done[0][0]}-{done[-1][0]} commits, locks held at most {held:.0f} ms,"
        f" {len(took)} reads, longest {worst:.0f} ms, failed {len(failed)},"
        f" promote {max(seconds for *_, seconds in done):.1f} s",
        flush=True,
    )
    for text in failed[:3]:
        print(f"  {text}")
    return bool(failed) or worst > BLOCKED_MS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--links", type=int, default=9, help="link tables of each board")
    parser.add_argument("--swaps", type=int, default=5)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--most", default="", help="tables in one commit, several after commas")
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
        ledger = stack.enter_context(
            Ledger.open(Path(stack.enter_context(TemporaryDirectory())) / "ledger.sqlite", SystemClock())
        )
        rules = [int(text) for text in arguments.most.split(",")] if arguments.most else [None]
        failed = [measure(url, arguments, most, ledger) for most in rules]
    raise SystemExit(any(failed))


if __name__ == "__main__":
    main()
