"""What is left when boardlift, or its connection, dies in the middle of a PostgreSQL swap: old or new, whole."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from boardlift.destinations.interface import State
from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.session import Session
from boardlift.destinations.postgres.swap import Swap
from boardlift.errors import DestinationError, LeaseHeld
from support.generations import live_name, promoted, staged

TESTS = Path(__file__).parents[2]

# Runs a promotion of generation 2 and kills itself before or after the n-th message of the swap to the server.
VICTIM = """
import os, signal, sys
sys.path[:0] = [{tests!r}, {src!r}]
from support.generations import staged
from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.session import Session

before, nth = sys.argv[2] == "before", int(sys.argv[3])
send, count = Session.send, 0

def counted(self, statement):
    global count
    count += 1
    if before and count == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    rows = send(self, statement)
    if not before and count == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return rows

destination = Postgres(sys.argv[1], "monday")
with destination.lease("victim"):
    group = staged(destination, 2)
    Session.send = counted
    destination.promote("run-2", [group])
print(count)
"""


@pytest.fixture
def destination(postgres_url: str) -> Iterator[Postgres]:
    opened = Postgres(postgres_url, "monday")
    opened.prepare()
    promoted(opened, 1)
    yield opened
    opened.close()


def victim(url: str, moment: str, nth: int) -> subprocess.CompletedProcess[str]:
    src = str(TESTS.parent / "src")
    code = VICTIM.format(tests=str(TESTS), src=src)
    command = [sys.executable, "-c", code, url, moment, str(nth)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def state(destination: Postgres) -> tuple[object, int, list[tuple[str, str]]]:
    """What readers see, what the catalogue says is live, and which tables there are."""
    (live,) = [g.number for g in destination.generations() if g.state is State.LIVE]
    tables = destination.query(
        "SELECT schemaname::text, tablename::text FROM pg_tables WHERE schemaname LIKE 'monday%' ORDER BY 1, 2"
    )[1]
    return live_name(destination), live, [(str(schema), str(name)) for schema, name in tables]


OLD = [
    ("monday", "planning"),
    ("monday__boardlift", "generations"),
    ("monday__boardlift", "planning__g2"),
]
NEW = [
    ("monday", "planning"),
    ("monday__boardlift", "generations"),
    ("monday__boardlift", "planning__g1"),
]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_promotion_leaves_one_generation_whole(destination: Postgres, postgres_url: str) -> None:
    """Killed before and after every message it sends, a promotion has happened or not; the next run goes on."""
    total = int(victim(postgres_url, "before", 0).stdout)
    assert state(destination) == ("g2", 2, NEW)
    destination.rollback("back", [("1", 1)])
    destination.retain("1", 1)
    seen = set()
    for nth in range(1, total + 1):
        # Twice the same moment from the server's side, except around the commit.
        for moment in ("before", "after") if nth > total - 3 else ("before",):
            assert victim(postgres_url, moment, nth).returncode == -9
            found = settled(destination)
            assert found in {("g1", 1, tuple(OLD)), ("g2", 2, tuple(NEW))}, (moment, nth)
            seen.add(found[0])
            with destination.lease("next run"):
                if found[0] == "g1":
                    destination.promote("again", [staged(destination, 2)])
                destination.rollback("back", [("1", 1)])
                destination.retain("1", 1)
                assert destination.drop_staged() == []
    assert seen == {"g1", "g2"}


def settled(destination: Postgres) -> tuple[object, int, tuple[tuple[str, str], ...]]:
    """The state once the server has noticed that its client is gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with destination.lease("look"):
                name, live, tables = state(destination)
                return name, live, tuple(tables)
        except LeaseHeld:
            time.sleep(0.02)
    raise AssertionError("the lease of a killed process was not freed")


def test_a_connection_lost_in_the_commit_leaves_the_outcome_open(
    destination: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says so, and which command settles it; the destination itself is whole."""
    send = Session.send

    def cut(self: Session, statement: object) -> object:
        if str(statement) == "COMMIT":
            terminate(postgres_url, self._connection.info.backend_pid)
        return send(self, statement)  # type: ignore[arg-type]

    group = staged(destination, 2)
    monkeypatch.setattr(Session, "send", cut)
    with pytest.raises(DestinationError) as caught:
        destination.promote("run-2", [group])
    assert "whole or did not happen" in caught.value.message
    assert "boardlift runs" in caught.value.hint
    monkeypatch.undo()
    assert state(destination) == ("g1", 1, OLD)
    destination.promote("run-2", [group])
    assert state(destination) == ("g2", 2, NEW)


def test_a_connection_lost_before_the_commit_changes_nothing(
    destination: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is plain, and the next call connects again."""
    lock = Swap._lock

    def cut(self: Swap, prepared: object, watch: object) -> None:
        terminate(postgres_url, self._session._connection.info.backend_pid)
        lock(self, prepared, watch)  # type: ignore[arg-type]

    group = staged(destination, 2)
    monkeypatch.setattr(Swap, "_lock", cut)
    with pytest.raises(DestinationError) as caught:
        destination.promote("run-2", [group])
    assert caught.value.hint
    assert isinstance(caught.value.__cause__, psycopg.Error)
    assert state(destination) == ("g1", 1, OLD)


def test_a_lost_lease_stops_the_swap(destination: Postgres, postgres_url: str) -> None:
    """Whoever lost the right to write on the way does not swap."""
    group = staged(destination, 2)
    with destination.lease("one"):
        assert destination._lease is not None
        terminate(postgres_url, destination._lease.info.backend_pid)
        with pytest.raises(DestinationError, match="right to write"):
            destination.promote("run-2", [group])
    assert state(destination) == ("g1", 1, OLD)


def terminate(url: str, pid: int) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
