"""Opening, migrating and losing the file."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from boardlift.errors import BoardliftError, ConfigError
from boardlift.ledger import Ledger, Outcome, ReadAs, RunKind, SettledBy, Touched, Watermark
from boardlift.ledger.failures import explain
from boardlift.ledger.statements import queries, script, split
from boardlift.ledger.store import APPLICATION_ID, MIGRATIONS, Store


def _pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_ledger_is_marked_and_versioned(ledger, path):
    """An empty place (user_version 0) becomes a ledger of the newest layout, in WAL mode."""
    assert _pragma(path, "application_id") == APPLICATION_ID
    assert _pragma(path, "user_version") == len(MIGRATIONS)
    assert _pragma(path, "journal_mode") == "wal"
    assert ledger.problems() == []
    assert ledger.path == path


def test_an_empty_file_of_version_0_is_migrated(path, clock):
    """A file of no bytes, as a killed first run may leave it, becomes a ledger."""
    path.parent.mkdir()
    path.touch()
    with Ledger.open(path, clock) as ledger:
        assert ledger.runs() == []


def test_every_migration_takes_the_next_number():
    """The n-th script leaves user_version n, or it would run again at the next opening."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for number, name in enumerate(MIGRATIONS, start=1):
            connection.executescript(script(name))
            assert connection.execute("PRAGMA user_version").fetchone()[0] == number


def test_a_later_migration_keeps_the_records(path, clock):
    """Opening with one script more runs only that one."""
    with Ledger.open(path, clock) as ledger:
        run = ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
    number = len(MIGRATIONS) + 1
    later = [*map(script, MIGRATIONS), f"CREATE TABLE extra (x);\nPRAGMA user_version = {number};"]
    with closing(Store.open(path, later)) as store:
        assert [row["id"] for row in store.connection.execute("SELECT id FROM runs")] == [run.id]
    assert _pragma(path, "user_version") == number


def test_a_ledger_of_layout_1_learns_of_attempts(path, clock):
    """What the first layout recorded stays; swaps from now on tell how often they asked for their locks."""
    path.parent.mkdir()
    with closing(Store.open(path, [script("schema.sql")])) as store:
        store.connection.execute(
            "INSERT INTO runs (id, kind, destination, namespace, holder, started_at)"
            " VALUES ('old', 'sync', 'db', 'monday', 'ada', '2026-01-01T00:00:00Z')"
        )
        store.connection.execute(
            "INSERT INTO promotions (run_id, kind, intended_at) VALUES ('old', 'promote', '2026-01-01T00:00:00Z')"
        )
    with Ledger.open(path, clock) as ledger:
        assert ledger.run("old").promotion.attempts is None
        ledger.settle("old", Outcome.PROMOTED, by=SettledBy.RUN, attempts=3, blocked_ms=12.5)
        promotion = ledger.run("old").promotion
        assert (promotion.attempts, promotion.blocked_ms) == (3, 12.5)


def test_a_broken_migration_changes_nothing(path, clock):
    """A script that fails half way leaves the layout it found."""
    Ledger.open(path, clock).close()
    number = len(MIGRATIONS)
    extra = f"CREATE TABLE extra (x);\nPRAGMA user_version = {number + 1};\nSELECT x FROM nowhere;"
    broken = [*map(script, MIGRATIONS), extra]
    with pytest.raises(BoardliftError, match="nowhere"):
        Store.open(path, broken)
    assert _pragma(path, "user_version") == number
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM sqlite_master WHERE name = 'extra'").fetchall() == []


@pytest.mark.skipif(os.name == "nt", reason="no modes here")
def test_only_the_owner_may_look(ledger, path):
    """Folder 0700, file and its companions 0600."""
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "content", [b"not a database at all\n" * 100, b"\x00" * 4096, b"SQLite format 3\x00" + b"\xff" * 4080]
)
def test_a_file_that_is_not_a_ledger_is_refused_and_left_alone(path, clock, content):
    """Somebody else's file is never written to."""
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BoardliftError) as raised:
        Ledger.open(path, clock)
    assert str(path) in raised.value.message
    assert raised.value.hint
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(path, clock):
    """A SQLite warehouse is not a ledger."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE planning (item_id)")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is not a boardlift ledger"):
        Ledger.open(path, clock)
    assert path.read_bytes() == before


def test_a_newer_ledger_is_refused(path, clock):
    """Downgrading is answered with the upgrade to do."""
    Ledger.open(path, clock).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="layout 99") as raised:
        Ledger.open(path, clock)
    assert "upgrade" in raised.value.hint


def test_a_folder_is_not_a_ledger(tmp_path, clock):
    """A folder in the place of the file is named as such."""
    with pytest.raises(ConfigError, match="is a folder"):
        Ledger.open(tmp_path, clock)


def test_a_file_in_place_of_the_folder(tmp_path, clock):
    """The folder cannot be made; the system's reason is told."""
    (tmp_path / "state").write_text("")
    with pytest.raises(ConfigError, match="cannot be used"):
        Ledger.open(tmp_path / "state" / "ledger.sqlite", clock)


def test_a_damaged_ledger_says_so(path, clock):
    """Pages overwritten inside a real ledger are reported as damage, not as a bug of ours."""
    with Ledger.open(path, clock) as ledger:
        for _ in range(200):
            ledger.start_run(RunKind.SYNC, "db", "monday", "x" * 500)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(BoardliftError, match="damaged") as raised, Ledger.open(path, clock) as ledger:
        ledger.runs()
    assert "restore" in raised.value.hint


def test_a_full_disk_is_one_sentence_and_loses_nothing(ledger):
    """SQLite's own limit stands in for the disk; what was committed before stays readable."""
    kept = ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
    connection = ledger._store.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(BoardliftError, match="the disk is full"):
        for _ in range(500):
            ledger.record_labels("1", {"status": "x" * 3000, "text": "y" * 3000})
            ledger.record_labels("1", {"status": "z" * 3000, "text": "z" * 3000})
    assert ledger.run(kept.id) == kept
    assert ledger.problems() == []


def test_a_read_only_file_is_one_sentence(path, clock):
    """The error of a connection that may only read is the user's to fix."""
    Ledger.open(path, clock).close()
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as raised,
    ):
        connection.execute("UPDATE leases SET holder = ''")
    told = explain(raised.value, path)
    assert isinstance(told, ConfigError)
    assert told.message == f"The ledger {path} is read-only."


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="modes do not bind the superuser")
def test_a_write_protected_file_is_refused_at_opening(path, clock):
    """Being read-only shows when the ledger is opened, not in the middle of a run."""
    Ledger.open(path, clock).close()
    path.chmod(0o400)
    with pytest.raises(ConfigError):
        Ledger.open(path, clock)


def test_a_locked_file_is_one_sentence(path, clock, monkeypatch):
    """Another program that keeps the write lock is waited for, then named as the reason."""
    Ledger.open(path, clock).close()
    monkeypatch.setattr("boardlift.ledger.store.BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BoardliftError, match="locked by another program"):
            Ledger.open(path, clock)


def test_threads_share_one_ledger(ledger):
    """Eight threads write at once; nothing is lost and no transaction tears another."""

    def work(number: int) -> None:
        for step in range(20):
            ledger.bind_columns(f"board{number}", {(f"c{step}", ""): f"name_{step}"})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(ledger.bound_columns(f"board{number}")) for number in range(8)] == [20] * 8


def test_threads_may_open_one_new_ledger_together(path, clock):
    """Whoever comes second finds a finished ledger."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with Ledger.open(path, clock) as ledger:
                ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
        except BoardliftError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Ledger.open(path, clock) as ledger:
        assert len(ledger.runs()) == 8


def test_processes_write_at_once(ledger, spawn, heard):
    """Two other processes and this one add 50 runs each; every run is there once."""
    code = """
say("ready")
for _ in range(50):
    run = ledger.start_run(RunKind.SYNC, "db", "monday", sys.argv[2])
    ledger.finish_run(run.id, RunStatus.SUCCEEDED)
say("done")
"""
    others = [spawn(code, name) for name in ("b", "c")]
    assert [heard(process) for process in others] == ["ready", "ready"]
    for _ in range(50):
        ledger.start_run(RunKind.SYNC, "db", "monday", "a")
    assert [heard(process) for process in others] == ["done", "done"]
    runs = ledger.runs(limit=1000)
    assert sorted(run.holder for run in runs) == ["a"] * 50 + ["b"] * 50 + ["c"] * 50
    assert len({run.id for run in runs}) == 150


def test_processes_open_one_new_ledger_together(path, spawn, heard, clock):
    """Six processes race to make the file; all of them get a ledger."""
    others = [spawn("ledger.start_run(RunKind.SYNC, 'db', 'monday', 'x'); say('done')") for _ in range(6)]
    assert [heard(process) for process in others] == ["done"] * 6
    with Ledger.open(path, clock) as ledger:
        assert len(ledger.runs()) == 6


def test_every_query_has_a_name_and_fits_the_tables(ledger):
    """Each query of queries.sql compiles against the shipped schema."""
    for sql in queries().values():
        ledger._store.connection.execute(f"EXPLAIN {sql}", dict.fromkeys(("x", *_parameters(sql)))).fetchall()


def _parameters(sql: str) -> list[str]:
    return [word.strip(",();").removeprefix(":") for word in sql.replace("(", " ").split() if word.startswith(":")]


def test_a_script_is_split_into_whole_statements():
    """A trigger's inner semicolons do not cut it, and a torn script is an error."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON a\nBEGIN\n  DELETE FROM a;\n  DELETE FROM b;\nEND;"
    assert list(split(f"-- note\nPRAGMA user_version = 1;\n{trigger}\n")) == [
        "-- note\nPRAGMA user_version = 1;",
        trigger,
    ]
    with pytest.raises(ValueError, match="inside a statement"):
        list(split("CREATE TABLE a ("))


def test_the_history_cannot_be_rewritten(ledger):
    """The append-only table refuses changes, deletions and replacements from any connection."""
    ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
    with closing(sqlite3.connect(ledger.path)) as other:
        for sql in (
            "UPDATE events SET detail = 'nothing happened'",
            "DELETE FROM events",
            "INSERT OR REPLACE INTO events (id, at, subject, subject_id, event) VALUES (1, '', 'run', '', 'x')",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(sql)
    assert [event.event for event in ledger.events()] == ["started"]


@pytest.mark.parametrize("layout", range(1, len(MIGRATIONS)))
def test_a_ledger_of_every_older_layout_keeps_its_rows(path, clock, layout):
    """A run, what it did to a board, its checks and its promotion are as they were, and runs go on."""
    path.parent.mkdir()
    at = "2026-01-01T00:00:00.000000+00:00"
    with closing(Store.open(path, [script(name) for name in MIGRATIONS[:layout]])) as store:
        do = store.connection.execute
        do(
            "INSERT INTO runs (id, kind, destination, namespace, holder, started_at)"
            f" VALUES ('old', 'sync', 'db', 'monday', 'ada', '{at}')"
        )
        do(
            "INSERT INTO boards (run_id, board_id, board_name, table_name, row_count, column_count, generation,"
            " seconds, calls, points, bytes, retries, quarantined, recorded_at)"
            f" VALUES ('old', '1', 'B', 'b', 400, 30, 1, 1.5, 1, 12800, 9, 0, 2, '{at}')"
        )
        do(
            "INSERT INTO names (scope, board_id, column_id, facet, name, bound_at)"
            f" VALUES ('table', '1', '', '', 'b', '{at}')"
        )
        do(f"INSERT INTO promotions (run_id, kind, intended_at) VALUES ('old', 'promote', '{at}')")
        do(
            "UPDATE promotions SET outcome = 'promoted', settled_by = 'run',"
            f" settled_at = '{at}', promoted_at = '{at}', blocked_ms = 3"
        )
        do(f"UPDATE runs SET status = 'succeeded', ended_at = '{at}'")
        assert _pragma(path, "user_version") == layout
    with Ledger.open(path, clock) as ledger:
        assert ledger.problems() == []
        (board,) = ledger.run("old").boards
        assert (board.rows, board.points, board.quarantined, board.mode) == (400, 12_800, 2, ReadAs.FULL)
        assert (board.reason, board.added, board.changed, board.deleted) == ("", None, None, None)
        assert ledger.board_costs()["1"].points == 12_800
        assert ledger.bound_tables()["1", "", ""] == "b"
        run = ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
        mark = Watermark("1", run.id, 2, clock.now(), None, 0, None, "{}", clock.now(), clock.now())
        ledger.set_watermarks("db", "monday", [mark])
        assert ledger.watermarks("db", "monday") == {"1": mark}
        assert ledger.mark_dirty("db", "monday", [Touched("1", "1", "7", "x", "u")]) == [True]
        ledger.settle_dirty("db", "monday")
        assert [each.board_id for each in ledger.dirty_boards("db", "monday")] == ["1"]
