"""The locks of a SQLite file: the lease of a run, foreign writers, going over to a log."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from boardlift.destinations.sqlite.engine import SQLite
from boardlift.destinations.sqlite.file import Patience
from boardlift.destinations.sqlite.locks import writer_of
from boardlift.errors import (
    DestinationError,
    LeaseHeld,
    PromotionConflict,
)
from support.generations import staged
from support.sqlite import Person, destination, name_of, path, person, promoted

__all__ = ["destination", "path", "person"]  # fixtures

TESTS = Path(__file__).parents[2]


HOLDER = """
import sys
sys.path[:0] = [{src!r}]
from boardlift.destinations.sqlite.engine import SQLite
with SQLite(sys.argv[1], "monday").lease("ann@desk, process 7: boardlift sync"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lease_ends_with_its_process(destination: SQLite, path: Path) -> None:
    """However it dies; until then the others are told who has it and since when."""
    command = [sys.executable, "-c", HOLDER.format(src=str(TESTS.parent / "src")), f"sqlite:///{path}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for _ in range(2):
            with pytest.raises(LeaseHeld) as caught, destination.lease("me"):
                pass
            assert caught.value.by == "ann@desk, process 7: boardlift sync"
            assert caught.value.since is not None
        holder.kill()
        holder.wait()
    with destination.lease("me"):
        promoted(destination, 1)


def test_a_lease_that_cannot_be_written_down_is_explained(tmp_path: Path) -> None:
    """The folder is missing, or may not be written."""
    with pytest.raises(DestinationError) as caught, SQLite(f"sqlite:///{tmp_path}/no/x.db", "monday").lease("me"):
        pass
    assert caught.value.hint


def test_a_foreign_writer_is_waited_for(destination: SQLite, path: Path, person: Person) -> None:
    """The swap takes place when it has committed."""
    promoted(destination, 1)
    group = staged(destination, 2)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        soon = threading.Timer(0.3, writer.execute, ["COMMIT"])
        soon.start()
        destination.promote("run", [group])
        soon.join()
    assert name_of(person) == "g2"


def test_a_foreign_writer_that_does_not_end_is_reported(path: Path) -> None:
    """After our patience; on Linux by the number of its process, and with production unchanged."""
    destination = SQLite(f"sqlite:///{path}", "monday", patience=Patience(0.1))
    destination.prepare()
    promoted(destination, 1)
    group = staged(destination, 2)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(PromotionConflict, match="locked for writing") as caught:
            destination.promote("run", [group])
    assert "not changed" in caught.value.message
    who = f"process {os.getpid()}" if sys.platform == "linux" else "SQLite cannot tell which"
    assert who in caught.value.message
    destination.promote("run", [group])
    assert destination.query("SELECT DISTINCT name FROM monday__planning")[1] == [("g2",)]
    destination.close()


def test_a_writer_is_read_from_the_list_of_locks_of_the_system(destination: SQLite, path: Path, tmp_path: Path) -> None:
    """Only from the lock that writers take, only for this file, and not from another container."""
    promoted(destination, 1)
    inode = path.with_name(f"{path.name}-shm").stat().st_ino
    listed = tmp_path / "locks"
    head = f"1: POSIX  ADVISORY  WRITE 999999999 08:01:{inode}"
    cases = {
        f"{head} 120 120": "process 999999999",
        f"{head} 0 EOF": "process 999999999",
        f"{head} 124 124": "",
        f"1: POSIX  ADVISORY  READ  999999999 08:01:{inode} 120 120": "",
        f"1: POSIX  ADVISORY  WRITE 999999999 08:01:{inode}7 120 120": "",
        f"1: POSIX  ADVISORY  WRITE 0 08:01:{inode} 120 120": "",
        "nothing of the kind": "",
    }
    found = {}
    for line in cases:
        listed.write_text(f"{line}\n", encoding="ascii")
        found[line] = writer_of(path, listed)
    assert found == cases
    assert writer_of(path, tmp_path / "no such list") == ""
    assert writer_of(tmp_path / "closed.db", listed) == ""


def test_a_file_in_use_without_a_log_is_waited_for(path: Path) -> None:
    """Going over to write-ahead mode needs the file for a moment."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as reader:
        reader.execute("CREATE TABLE theirs AS SELECT 1 AS x")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM theirs").fetchall()
        hasty = SQLite(f"sqlite:///{path}", "monday", patience=Patience(0.1))
        with pytest.raises(PromotionConflict):
            hasty.prepare()
        hasty.close()
        soon = threading.Timer(0.3, reader.execute, ["COMMIT"])
        soon.start()
        destination = SQLite(f"sqlite:///{path}", "monday")
        destination.prepare()
        soon.join()
    assert destination.query("SELECT x FROM theirs")[1] == [(1,)]
    destination.close()
