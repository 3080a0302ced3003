"""SQLite: whenever a swap dies, old or new is whole; whoever reads meanwhile, no read fails."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from boardlift.destinations.interface import Replace, StagedGroup, State
from boardlift.destinations.sqlite.engine import SQLite
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from support.generations import PLANNING, staged

TESTS = Path(__file__).parents[1]
WHOLE = bool(os.environ.get("BOARDLIFT_WHOLE"))
SWAPS, READERS, LONG_READ = (200, 8, 30.0) if WHOLE else (20, 3, 1.0)
ROWS = 500
INDEXED = Table(PLANNING.name, PLANNING.columns, PLANNING.key, label="Planning", indexes=(Index(("status",)),))
TAGS = Table("planning_tags", (Column("item_id", BIGINT), Column("tag", TEXT)), ("item_id", "tag"))
OTHER = Table("other", PLANNING.columns, PLANNING.key)

# Forks once for each moment; the child dies by its own hand just before its n-th statement, or its n-th look at the
# clock of SQLite's machine, and never gets to say goodbye.
VICTIMS = """
import json, os, signal, sys, shutil
sys.path[:0] = [{tests!r}, {src!r}]
from boardlift.destinations.interface import Replace, StagedGroup, StagedRef
from boardlift.destinations.sqlite.engine import SQLite
from faults.test_swap_sqlite import INDEXED, OTHER

folder, replace, clock, first, last, step = sys.argv[1:]

def die(n, count=[0]):
    count[0] += 1
    if count[0] == n:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0

def swap(path, n):
    destination = SQLite("sqlite:///" + path, "monday")
    connection = destination._file.connection()
    if clock == "statements":
        connection.set_trace_callback(lambda _: die(n))
    else:
        connection.set_progress_handler(lambda: die(n), 50)
    groups = [
        StagedGroup(key, 2, ((StagedRef(key, 2, table, table.name + "__g2"), {rows}),), Replace(replace))
        for key, table in (("1", INDEXED), ("2", OTHER))
    ]
    destination.promote("run-2", groups)

for n in range(int(first), int(last), int(step)):
    path = folder + "/" + str(n) + ".db"
    shutil.copyfile(folder + "/staged.db", path)
    child = os.fork()
    if child == 0:
        try:
            swap(path, n)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    print(json.dumps([n, killed]), flush=True)
    if not killed:
        break
"""


def stage_both(destination: SQLite, number: int, replace: Replace = Replace.SWAP) -> list[StagedGroup]:
    """Two boards; the first loses a link table and gets an index with its second generation."""
    one, two = (
        staged(destination, number, table=INDEXED, rows=ROWS),
        staged(destination, number, table=OTHER, rows=ROWS, group="2"),
    )
    tables = one.tables
    if number == 1:
        tables += staged(destination, number, table=TAGS, rows=ROWS).tables
    return [StagedGroup("1", number, tables, replace), StagedGroup("2", number, two.tables, replace)]


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A folder with `staged.db`: the first generation live, what people built on it, the second generation staged."""
    path = tmp_path / "staged.db"
    destination = SQLite(f"sqlite:///{path}", "monday")
    destination.prepare()
    destination.promote("run-1", stage_both(destination, 1))
    with closing(sqlite3.connect(path, isolation_level=None)) as person:
        person.execute("CREATE INDEX by_name ON monday__planning (name)")
        person.execute(
            "CREATE VIEW mine AS SELECT p.name FROM monday__planning AS p JOIN monday__other USING (item_id)"
        )
        person.execute("CREATE TABLE log (x)")
        person.execute("CREATE TRIGGER t AFTER INSERT ON monday__other BEGIN INSERT INTO log VALUES (1); END")
    stage_both(destination, 2)
    destination.close()
    return tmp_path


def kill_at(ready: Path, replace: Replace, clock: str, moments: range) -> list[Path]:
    """The files that killed swaps left, each killed at one of the moments; and one that was let live to its end."""
    code = VICTIMS.format(tests=str(TESTS), src=str(TESTS.parent / "src"), rows=ROWS)
    bounds = [str(bound) for bound in (moments.start, moments.stop, moments.step)]
    command = [sys.executable, "-c", code, str(ready), replace.value, clock, *bounds]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [killed for _, killed in told] == [True] * (len(told) - 1) + [False], done.stderr
    return [ready / f"{n}.db" for n, _ in told]


def seen(path: Path) -> tuple[object, ...]:
    """What readers see, or an error of SQLite."""
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (tags,) = reader.execute("SELECT count(*) FROM sqlite_master WHERE name = 'monday__planning_tags'").fetchone()
        peoples = reader.execute(
            "SELECT name, tbl_name FROM sqlite_master WHERE name IN ('by_name', 'mine', 't') ORDER BY name"
        ).fetchall()
        assert peoples == [("by_name", "monday__planning"), ("mine", "mine"), ("t", "monday__other")]
        assert reader.execute("SELECT count(*) FROM log").fetchone() == (0,)
        ask = "SELECT min(name), max(name), count(*) FROM "
        return tags, *(reader.execute(ask + what).fetchone() for what in ("mine", "monday__planning", "monday__other"))


OLD = (1, *[("g1", "g1", ROWS)] * 3)
NEW = (0, *[("g2", "g2", ROWS)] * 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9")
@pytest.mark.parametrize("clock", ["statements", "instructions"])
@pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
def test_a_killed_swap_leaves_old_or_new_whole(ready: Path, replace: Replace, clock: str) -> None:
    """Killed before each statement, and in the middle of them; the next run heals what is left."""
    moments = range(1, 1000) if clock == "statements" else range(1, 100_000, 1 if WHOLE else 11)
    files = kill_at(ready, replace, clock, moments)
    assert len(files) > (50 if clock == "statements" else 8)
    outcomes = []
    for path in files:
        readers_view = seen(path)
        destination = SQLite(f"sqlite:///{path}", "monday")
        live = {g.group: g.number for g in destination.generations() if g.state is State.LIVE}
        outcomes.append((readers_view, live))
        with destination.lease("the next run"):
            destination.prepare()
            destination.drop_staged()
            after = max(live.values()) + 1
            groups = stage_both(destination, after, replace)
            destination.promote("next", groups)
            assert destination.query("SELECT DISTINCT name FROM mine")[1] == [(f"g{after}",)]
            destination.rollback("back", list(live.items()))
            assert seen(path) == readers_view
        destination.close()
        path.unlink()
    assert set(map(str, outcomes)) <= {str((OLD, {"1": 1, "2": 1})), str((NEW, {"1": 2, "2": 2}))}
    assert outcomes[0] == (OLD, {"1": 1, "2": 1})
    assert outcomes[-1] == (NEW, {"1": 2, "2": 2})
    if clock == "statements":
        assert outcomes[-2] == outcomes[-1]  # killed after the commit


# -- readers


def read_on(path: str, ready: Event, stop: Event, send: Connection) -> None:
    """Ask again and again, on one connection and on fresh ones; afterwards tell of failures and the longest wait."""
    told: list[str] = []
    longest, asked, numbers = 0.0, 0, set()
    lasting = sqlite3.connect(path, isolation_level=None)
    while not stop.is_set() or asked < 10:
        started = time.monotonic()
        try:
            if asked % 5:
                rows = lasting.execute("SELECT count(*), min(name), max(name) FROM mine").fetchall()
            else:
                with closing(sqlite3.connect(path, isolation_level=None)) as fresh:
                    rows = fresh.execute("SELECT count(*), min(name), max(name) FROM mine").fetchall()
            ((count, least, most),) = rows
            numbers.add(most)
            if (count, least) != (ROWS, most):
                told.append(f"not one whole generation: {rows}")
        except sqlite3.Error as error:
            told.append(f"{type(error).__name__}: {error}")
        longest = max(longest, time.monotonic() - started)
        asked += 1
        ready.set()
        time.sleep(0.001)  # eight readers on two processors would leave nothing for the swaps
    send.send((told, longest, asked, len(numbers)))


@pytest.fixture
def readers(ready: Path) -> Iterator[Callable[[], list[tuple[list[str], float, int, int]]]]:
    """Processes that read; called, they stop and tell."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    started = []
    for _ in range(READERS):
        receive, send = context.Pipe(duplex=False)
        up = context.Event()
        process = context.Process(target=read_on, args=(str(ready / "staged.db"), up, stop, send))
        process.start()
        started.append((process, receive, up))
    for _, _, up in started:
        assert up.wait(60)

    def told() -> list[tuple[list[str], float, int, int]]:
        stop.set()
        return [receive.recv() for _, receive, _ in started]

    yield told
    stop.set()
    for process, _, _ in started:
        process.join(60)


@pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
def test_no_read_fails_during_many_swaps(
    ready: Path, replace: Replace, readers: Callable[[], list[tuple[list[str], float, int, int]]]
) -> None:
    """One of the readers holds a transaction over many swaps, and sees to its end what it saw at its beginning."""
    path = ready / "staged.db"
    destination = SQLite(f"sqlite:///{path}", "monday")
    destination.drop_staged()
    with closing(sqlite3.connect(path, isolation_level=None)) as long:
        long.execute("BEGIN")
        began = long.execute("SELECT DISTINCT name FROM mine").fetchall()
        since = time.monotonic()
        largest = 0
        for number in range(2, SWAPS + 2):
            destination.promote("run", stage_both(destination, number, replace))
            destination.retain("1", 2)
            destination.retain("2", 2)
            largest = max(largest, (ready / "staged.db-wal").stat().st_size)
            if long.in_transaction and time.monotonic() - since > LONG_READ:
                assert long.execute("SELECT DISTINCT name FROM mine").fetchall() == began == [("g1",)]
                long.execute("COMMIT")
        while long.in_transaction and time.monotonic() - since < LONG_READ:
            time.sleep(0.05)
        if long.in_transaction:
            assert long.execute("SELECT DISTINCT name FROM mine").fetchall() == began
            long.execute("COMMIT")
    destination.rollback("back", [("1", SWAPS), ("2", SWAPS)])
    told = readers()
    assert [failure for failures, *_ in told for failure in failures] == []
    assert max(numbers for *_, numbers in told) > 1
    assert largest > 100_000  # the log grew while it could not be emptied
    destination.close()
    print([(asked, round(longest * 1000, 1)) for _, longest, asked, _ in told])


def test_the_log_is_emptied_after_the_long_reader(ready: Path) -> None:
    """The checkpoint after a swap waits for nobody, and the one after the next swap does what it could not."""
    path = ready / "staged.db"
    log = ready / "staged.db-wal"
    destination = SQLite(f"sqlite:///{path}", "monday")
    with closing(sqlite3.connect(path, isolation_level=None)) as long:
        long.execute("BEGIN")
        long.execute("SELECT count(*) FROM mine").fetchall()
        destination.drop_staged()
        started = time.monotonic()
        destination.promote("run", stage_both(destination, 2))
        assert time.monotonic() - started < 5
        assert log.stat().st_size > 0
        long.execute("COMMIT")
        destination.promote("run", stage_both(destination, 3))
        assert log.stat().st_size == 0
    destination.close()


def test_a_copy_of_the_file_alone_is_whole_when_the_destination_is_closed(ready: Path) -> None:
    """Closing moves the log into the file, so that a backup of the one file is a backup."""
    copied = ready / "backup.db"
    shutil.copyfile(ready / "staged.db", copied)
    assert seen(copied) == OLD
