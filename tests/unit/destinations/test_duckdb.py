"""What is particular to DuckDB: the file, its lock, its URL, views as live tables, and dying in between."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from boardlift.destinations.duckdb.engine import DuckDB, connect
from boardlift.destinations.interface import StagedGroup, State
from boardlift.errors import ConfigError, DestinationError, LeaseHeld
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows
from support.duckdb import destination, path
from support.generations import PLANNING, live_name, promoted, staged

__all__ = ["destination", "path"]  # fixtures

TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("duckdb://server/db", "form"),
        ("duckdb:///x.duckdb?memory_limit=lots", "memory_limit"),
        ("duckdb:///x.duckdb?threads=0", "threads"),
        ("duckdb:///x.duckdb?threads=two", "threads"),
        ("duckdb:///x.duckdb?access_mode=read_only", "access_mode"),
        ("duckdb:///monday.duckdb", "same name"),
        ("duckdb:///Monday__Boardlift.db", "same name"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, words: str) -> None:
    """Before anything is opened, and with what to write instead."""
    with pytest.raises(ConfigError, match=words) as caught:
        connect(url, "monday")
    assert caught.value.hint


def test_a_url_names_a_file_or_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative, absolute, percent-encoded, in memory; options reach DuckDB; nothing is made before it is needed."""
    monkeypatch.chdir(tmp_path)
    assert DuckDB("duckdb:///a%20b.duckdb", "monday").identity == f"duckdb:///{(tmp_path / 'a b.duckdb').as_posix()}"
    assert DuckDB(f"duckdb:///{tmp_path}/x.db", "monday").identity == f"duckdb:///{tmp_path.as_posix()}/x.db"
    assert {DuckDB(url, "m").identity for url in ("duckdb://", "duckdb:///:memory:")} == {"duckdb:///:memory:"}
    destination = DuckDB("duckdb:///x.duckdb?memory_limit=123MB&threads=1", "monday")
    assert destination.generations() == []
    assert list(tmp_path.iterdir()) == []
    _, rows = destination.query("SELECT current_setting('memory_limit'), current_setting('threads')")
    assert rows == [("117.3 MiB", 1)]
    destination.close()


def test_a_database_in_memory_goes_the_whole_way() -> None:
    """Nothing needs a file."""
    destination = DuckDB("duckdb://", "monday")
    destination.prepare()
    with destination.lease("one"), pytest.raises(LeaseHeld), destination.lease("two"):
        pass
    promoted(destination, 1, 2)
    assert live_name(destination) == "g2"
    destination.close()


def test_a_missing_folder_a_folder_and_another_file_are_explained(tmp_path: Path) -> None:
    """One sentence and a hint for each way a path can be wrong."""
    (tmp_path / "notes.txt").write_text("hello " * 4000)
    (tmp_path / "folder").mkdir()
    for name, words in (("no/such/x.duckdb", "does not exist"), ("folder", "a folder"), ("notes.txt", "not a valid")):
        with pytest.raises(DestinationError, match=words) as caught:
            DuckDB(f"duckdb:///{tmp_path}/{name}", "monday").prepare()
        assert caught.value.hint
        assert not DuckDB(f"duckdb:///{tmp_path}/{name}", "monday").findings()[0].ok


HOLDER = """
import sys
sys.path.insert(0, {src!r})
from boardlift.destinations.duckdb.engine import DuckDB
with DuckDB(sys.argv[1], "monday").lease("other"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lease_of_another_process_is_named_and_freed_when_it_is_killed(path: Path) -> None:
    """DuckDB's lock on the file is the lease; the operating system frees it."""
    url = f"duckdb:///{path}"
    command = [sys.executable, "-c", HOLDER.format(src=str(TESTS.parent / "src")), url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        destination = DuckDB(url, "monday")
        with pytest.raises(LeaseHeld, match=str(holder.pid)), destination.lease("me"):
            pass
        with pytest.raises(DestinationError, match=str(holder.pid)) as caught:
            destination.generations()
        assert caught.value.hint
        holder.kill()
        holder.wait()
    with destination.lease("me"):
        destination.prepare()


def test_the_lease_lets_go_of_the_file(path: Path) -> None:
    """After a run other programs can open the file, though the destination is not closed."""
    destination = DuckDB(f"duckdb:///{path}", "monday")
    with destination.lease("me"):
        destination.prepare()
        promoted(destination, 1)
    ask = "SELECT count(*) FROM monday.planning"
    code = f"import duckdb; print(duckdb.connect({str(path)!r}).execute({ask!r}).fetchall())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[(3,)]\n"
    assert live_name(destination) == "g1"
    destination.close()


VICTIM = """
import os, sys, signal
sys.path[:0] = [{tests!r}, {src!r}]
import duckdb
from support.generations import staged
from boardlift.destinations.duckdb.engine import DuckDB

nth, count = int(sys.argv[2]), 0

class Counted:
    def __init__(self, connection):
        self.connection = connection
    def __getattr__(self, name):
        return getattr(self.connection, name)
    def execute(self, *arguments):
        global count
        count += 1
        if count == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.connection.execute(*arguments)

destination = DuckDB(sys.argv[1], "monday")
group = staged(destination, 2)
destination._session._open = Counted(destination._session._open)
destination.promote("run-2", [group])
count += 1
if count == nth:
    os.kill(os.getpid(), signal.SIGKILL)
print(count)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_promotion_leaves_one_generation_whole(path: Path) -> None:
    """Killed before any of its last statements or after the last, a promotion has happened or not."""
    url = f"duckdb:///{path}"
    destination = DuckDB(url, "monday")
    destination.prepare()
    promoted(destination, 1)
    destination.close()

    def victim(nth: int) -> subprocess.CompletedProcess[str]:
        code = VICTIM.format(tests=str(TESTS), src=str(TESTS.parent / "src"))
        command = [sys.executable, "-c", code, url, str(nth)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def reset() -> None:
        destination.rollback("back", [("1", 1)])
        destination.retain("1", 1)
        destination.drop_staged()
        destination.close()

    total = int(victim(0).stdout.splitlines()[0])
    assert live_name(destination) == "g2"
    reset()
    seen = []
    for nth in range(1 if os.environ.get("BOARDLIFT_WHOLE") else total - 12, total + 1):
        assert victim(nth).returncode == -9
        (live,) = [g.number for g in destination.generations() if g.state is State.LIVE]
        seen.append((live_name(destination), live))
        reset()
    assert set(seen) == {("g1", 1), ("g2", 2)}


def test_the_file_may_be_renamed_or_attached(destination: DuckDB, path: Path) -> None:
    """Views name no database, so they hold wherever the file is seen from."""
    promoted(destination, 1)
    destination.close()
    moved = path.rename(path.with_name("elsewhere.duckdb"))
    again = DuckDB(f"duckdb:///{moved}", "monday")
    assert live_name(again) == "g1"
    promoted(again, 2)
    assert live_name(again) == "g2"
    again.close()
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{moved}' AS w (READ_ONLY)")
        assert connection.execute("SELECT DISTINCT name FROM w.monday.planning").fetchall() == [("g2",)]


def test_readers_in_the_same_process_keep_what_they_began_with(destination: DuckDB, path: Path) -> None:
    """A transaction that began before the swap sees the old generation to its end; the next sees the new."""
    promoted(destination, 1)
    group = staged(destination, 2)
    with duckdb.connect(str(path)) as reader:
        reader.execute("BEGIN")
        ask = "SELECT DISTINCT name FROM monday.planning"
        assert reader.execute(ask).fetchall() == [("g1",)]
        destination.promote("run", [group])
        assert reader.execute(ask).fetchall() == [("g1",)]
        reader.execute("COMMIT")
        assert reader.execute(ask).fetchall() == [("g2",)]


def test_views_of_users_follow(destination: DuckDB, path: Path) -> None:
    """A view that a person built on a live table shows the new generation after a swap."""
    promoted(destination, 1)
    with duckdb.connect(str(path)) as user:
        user.execute("CREATE VIEW main.mine AS SELECT DISTINCT name FROM monday.planning")
        promoted(destination, 2)
        assert user.execute("FROM main.mine").fetchall() == [("g2",)]


def test_instants_come_back_aware_and_in_order(destination: DuckDB) -> None:
    """A query with instants gives datetimes in UTC, keeps names, order and repeated columns."""
    names, rows = destination.query(
        "SELECT TIMESTAMPTZ '2024-01-02 03:04:05+02' - INTERVAL (range) DAY AS seen, range AS n, range AS n"
        " FROM range(5000) ORDER BY n DESC; -- as a person writes"
    )
    assert names == ["seen", "n", "n"]
    assert [row[1] for row in rows] == list(range(4999, -1, -1))
    assert rows[-1] == (datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC), 0, 0)


@pytest.mark.parametrize("sql", ["COPY (SELECT 1) TO 'out.csv'", "ATTACH 'x.duckdb' AS x", "SET threads = 1", ""])
def test_statements_that_reach_outside_are_refused(
    destination: DuckDB, sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading means SELECT; files are not written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DestinationError):
        destination.query(sql)
    assert sorted(p.name for p in tmp_path.iterdir() if "warehouse" not in p.name) == []


def test_more_rows_than_memory_are_loaded_and_sealed(tmp_path: Path) -> None:
    """The memory limit bounds what DuckDB holds, not what it can load."""
    destination = DuckDB(f"duckdb:///{tmp_path / 'small.duckdb'}?memory_limit=100MB", "monday")
    destination.prepare()
    destination.promote("run", [staged(destination, 1, rows=400_000)])
    ref = destination.stage("1", 2, PLANNING)
    wide = Rows("SELECT range, repeat(md5(range::VARCHAR), 20), 'x' FROM range(200000)")
    assert destination.append(ref, wide) == 200_000
    assert destination.measure(ref).distinct_keys == 200_000
    destination.close()


def test_more_keys_than_memory_are_made(tmp_path: Path) -> None:
    """Keys and indexes lie in memory until they are written; many large tables go live in one commit all the same."""
    destination = DuckDB(f"duckdb:///{tmp_path / 'small.duckdb'}?memory_limit=100MB", "monday")
    destination.prepare()
    indexes = (Index(("code",)), Index(("name",), unique=True))
    columns = (Column("item_id", BIGINT, nullable=False), Column("code", BIGINT), Column("name", TEXT))
    rows = Rows("SELECT range, range * 7919 % 1000003, md5(range::VARCHAR) FROM range(100000)")
    rows.materialize()
    groups = []
    for number in range(12):
        ref = destination.stage(str(number), 1, Table(f"t{number}", columns, ("item_id",), indexes=indexes))
        groups.append(StagedGroup(str(number), 1, ((ref, destination.append(ref, rows)),)))
    destination.promote("run", groups)
    assert destination.query("SELECT count(*) FROM duckdb_indexes()")[1] == [(24,)]
    destination.close()


def test_complete_tables_have_their_keys_before_they_go_live(destination: DuckDB) -> None:
    """They are not made twice; a table staged again under the same name is sealed and counted anew."""
    group = staged(destination, 1, rows=50)
    place = group.tables[0][0].hidden_name
    keys = "SELECT table_name FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' AND schema_name <> 'main'"
    before = destination.query(keys)[1]
    for _ in range(2):
        destination.complete(group.tables)
        assert sorted(destination.query(keys)[1]) == sorted([*before, (place,)])
    again = destination.stage(group.group, 1, PLANNING)
    assert again.hidden_name == place
    destination.append(again, Rows("SELECT 1, 'a', 'x' UNION ALL SELECT 1, 'b', 'y'"))
    assert destination.measure(again).distinct_keys == 1
    destination.drop_staged()
    fresh = staged(destination, 1)
    destination.complete(fresh.tables)
    destination.promote("run", [fresh])
    assert live_name(destination) == "g1"
    assert len(destination.query(keys)[1]) == len(before) + 1


@pytest.mark.skipif(sys.platform == "win32" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root may write")
def test_a_file_that_may_not_be_written_is_explained(destination: DuckDB, path: Path) -> None:
    """The hint says what right is missing."""
    destination.close()
    path.chmod(0o400)
    with pytest.raises(DestinationError) as caught:
        promoted(destination, 1)
    assert "write" in caught.value.hint


def test_a_very_wide_table_is_given_room(tmp_path: Path) -> None:
    """DuckDB writes all columns of a table at once; without a limit in the URL, the limit follows the width."""
    columns = (Column("item_id", BIGINT, nullable=False), *(Column(f"c{n}", TEXT) for n in range(500)))
    table = Table("wide", columns, ("item_id",))
    destination = DuckDB(f"duckdb:///{tmp_path / 'wide.duckdb'}", "monday")
    destination.prepare()
    ref = destination.stage("1", 1, table)
    values = ", ".join(f"'some text {n} ' || range" for n in range(500))
    for _ in range(5):
        rows = Rows(f"SELECT range, {values} FROM range(4000)")
        assert destination.append(ref, rows) == 4000
    destination.close()
