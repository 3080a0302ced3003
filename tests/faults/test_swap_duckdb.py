"""DuckDB: whenever a swap dies, old or new is whole, and the next run goes on by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from boardlift.destinations.duckdb.engine import DuckDB
from boardlift.destinations.interface import StagedGroup, State
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from support.generations import PLANNING, staged

TESTS = Path(__file__).parents[1]
ROWS = 500
INDEXED = Table(PLANNING.name, PLANNING.columns, PLANNING.key, label="Planning", indexes=(Index(("status",)),))
TAGS = Table("planning_tags", (Column("item_id", BIGINT), Column("tag", TEXT)), ("item_id", "tag"))
OTHER = Table("other", PLANNING.columns, PLANNING.key)

# Forks once for each moment; the child dies by its own hand just before its n-th statement and never says goodbye.
VICTIMS = """
import json, os, shutil, signal, sys
sys.path[:0] = [{tests!r}, {src!r}]
from boardlift.destinations.duckdb.engine import DuckDB
from boardlift.destinations.duckdb.file import DuckFile
from boardlift.destinations.interface import StagedGroup, StagedRef
from faults.test_swap_duckdb import INDEXED, OTHER

folder = sys.argv[1]

class Mortal:
    def __init__(self, connection, n):
        self.connection, self.left = connection, n

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, *arguments):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.connection.execute(*arguments)

def swap(path, n):
    open_file = DuckFile.open
    DuckFile.open = lambda self: Mortal(open_file(self), n)
    groups = [
        StagedGroup(key, 2, ((StagedRef(key, 2, table, table.name + "__g2"), {rows}),))
        for key, table in (("1", INDEXED), ("2", OTHER))
    ]
    DuckDB("duckdb:///" + path, "monday").promote("run-2", groups)
    os.kill(os.getpid(), signal.SIGTERM)

for n in range(1, 10_000):
    path = folder + "/" + str(n) + ".duckdb"
    shutil.copyfile(folder + "/staged.duckdb", path)
    child = os.fork()
    if child == 0:
        try:
            swap(path, n)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the swap failed by itself"
    ended = os.WTERMSIG(status) == signal.SIGTERM
    print(json.dumps([n, ended]), flush=True)
    if ended:
        break
"""


def stage_both(destination: DuckDB, number: int) -> list[StagedGroup]:
    """Two boards; the first loses a link table and gets an index with its second generation."""
    one, two = (
        staged(destination, number, table=INDEXED, rows=ROWS),
        staged(destination, number, table=OTHER, rows=ROWS, group="2"),
    )
    tables = one.tables
    if number == 1:
        tables += staged(destination, number, table=TAGS, rows=ROWS).tables
    return [StagedGroup("1", number, tables), StagedGroup("2", number, two.tables)]


def seen(path: Path) -> tuple[object, ...]:
    """What a reader finds: the link table's rows or None, and what each live table says; a person's view besides."""
    with duckdb.connect(str(path), read_only=True) as reader:
        has_tags = reader.execute("SELECT count(*) FROM duckdb_views() WHERE view_name = 'planning_tags'").fetchall()
        found = [
            reader.execute(f"SELECT min(name), max(name), count(*) FROM {name}").fetchall()[0]
            for name in ("mine", "monday.planning", "monday.other")
        ]
    return has_tags[0][0], *found


OLD = (1, *[("g1", "g1", ROWS)] * 3)
NEW = (0, *[("g2", "g2", ROWS)] * 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the victims are forks")
def test_killed_before_any_statement_one_generation_is_whole(tmp_path: Path) -> None:
    """Both boards show the old generation or both the new one, the catalogue agrees, and the next run goes on."""
    ready = tmp_path / "staged.duckdb"
    destination = DuckDB(f"duckdb:///{ready}", "monday")
    destination.prepare()
    destination.promote("run-1", stage_both(destination, 1))
    destination.close()
    with duckdb.connect(str(ready)) as person:
        person.execute("CREATE VIEW mine AS SELECT p.name FROM monday.planning p JOIN monday.other USING (item_id)")
    stage_both(destination, 2)
    destination.close()
    code = VICTIMS.format(tests=str(TESTS), src=str(TESTS.parent / "src"), rows=ROWS)
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=200)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [ended for _, ended in told] == [False] * (len(told) - 1) + [True]
    assert len(told) > 20
    outcomes = []
    for number, _ in told:
        path = tmp_path / f"{number}.duckdb"
        outcomes.append(seen(path))
        assert outcomes[-1] in (OLD, NEW), number
        next_run = DuckDB(f"duckdb:///{path}", "monday")
        live = {g.number for g in next_run.generations() if g.state is State.LIVE}
        assert live == ({2} if outcomes[-1] == NEW else {1}), number
        next_run.prepare()
        # Labels follow the swap; whatever died in between, the next run gives them.
        labels = next_run.query("SELECT comment FROM duckdb_views() WHERE view_name = 'planning'")[1]
        assert labels == [("Planning",)], number
        next_run.drop_staged()
        number_now = 3 if outcomes[-1] == NEW else 2
        next_run.promote("run-3", stage_both(next_run, number_now))
        next_run.close()
        assert seen(path)[1:] == ((f"g{number_now}",) * 2 + (ROWS,),) * 3, number
    assert outcomes == sorted(outcomes, key=[OLD, NEW].index)
    assert {OLD, NEW} == set(outcomes)
