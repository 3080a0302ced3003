"""One writer per namespace and machine; the dead hold nothing."""

from __future__ import annotations

import getpass
import os
import threading

import pytest

from boardlift.errors import BoardliftError, ConfigError, LeaseHeld
from boardlift.ledger import Holder, Ledger

ADA = Holder("ada", "laptop", 1, "boardlift sync")
HOLD = """
with ledger.lease("db", "monday", Holder("bob", "server", 4711, "boardlift sync")):
    say("held")
    time.sleep(60)
say("let go")
"""


def test_a_holder_speaks_for_itself():
    """Person, machine, process and command, in this order."""
    assert str(Holder("ada", "laptop", 4711, "boardlift sync")) == "ada@laptop, process 4711: boardlift sync"


def test_a_holder_knows_this_process():
    """Nothing has to be passed in but the command."""
    assert Holder.here("boardlift sync").pid == os.getpid()


def test_a_user_without_a_name_still_holds(monkeypatch):
    """A container may run under a bare number."""

    def nameless() -> str:
        raise KeyError("uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert Holder.here("x").user == "unknown"


def test_a_lease_can_be_taken_again_when_it_was_given_back(ledger):
    """Taking and releasing are both in the history."""
    for _ in range(2):
        with ledger.lease("db", "monday", ADA):
            pass
    assert [event.event for event in ledger.events("db monday")] == ["released", "taken", "released", "taken"]


def test_a_second_taker_hears_who_holds_it(ledger, path, clock):
    """At once, with the holder, the time and what to do; the first one keeps it."""
    with (
        ledger.lease("db", "monday", ADA),
        Ledger.open(path, clock) as other,
        pytest.raises(LeaseHeld) as raised,
        other.lease("db", "monday", ADA),
    ):
        pytest.fail("two hold it")
    assert (raised.value.by, raised.value.since) == (str(ADA), clock.now())
    assert "ends with it" in raised.value.hint


def test_the_same_ledger_cannot_take_it_twice(ledger):
    """Also not from another thread."""
    heard: list[str] = []

    def second() -> None:
        try:
            with ledger.lease("db", "monday", ADA):
                heard.append("held")
        except LeaseHeld as error:
            heard.append(error.by)

    with ledger.lease("db", "monday", ADA):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        second()
    assert heard == [str(ADA), str(ADA)]


def test_other_places_have_their_own_lease(ledger):
    """Two namespaces or two destinations do not wait for each other."""
    with (
        ledger.lease("db", "monday", ADA),
        ledger.lease("db", "other", ADA),
        ledger.lease("'; --/../\ud800", "monday", ADA),
    ):
        pass


def test_another_process_is_named_and_its_death_frees_the_lease(ledger, spawn, heard):
    """kill -9 needs no repair by hand: the next taker gets it, and the history says from whom."""
    other = spawn(HOLD)
    assert heard(other) == "held"
    with pytest.raises(LeaseHeld, match="bob@server, process 4711: boardlift sync") as raised:
        ledger.lease("db", "monday", ADA).__enter__()
    assert raised.value.since is not None
    other.kill()
    other.wait()
    with ledger.lease("db", "monday", ADA):
        pass
    assert "taken over from a dead holder" in [event.event for event in ledger.events("db monday")]


def test_only_one_of_many_processes_holds_it(ledger, spawn, heard):
    """Five processes try for the same lease over and over; no two are ever inside together."""
    code = """
from boardlift.errors import LeaseHeld
inside = Path(sys.argv[1]).with_name("inside")
mine = 0
while mine < 5:
    try:
        with ledger.lease("db", "monday", Holder.here("x")):
            inside.touch(exist_ok=False)
            time.sleep(0.01)
            inside.unlink()
            mine += 1
    except LeaseHeld:
        time.sleep(0.005)
say("fine")
"""
    assert [heard(process) for process in [spawn(code) for _ in range(5)]] == ["fine"] * 5


def test_an_error_inside_gives_the_lease_back(ledger):
    """And comes out as it was."""
    with pytest.raises(ZeroDivisionError), ledger.lease("db", "monday", ADA):
        raise ZeroDivisionError
    with ledger.lease("db", "monday", ADA):
        pass


def test_a_lease_that_cannot_be_noted_is_not_held(ledger):
    """When the ledger refuses the row, the lock is let go again."""
    ledger._store.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(BoardliftError):
        ledger.lease("db", "monday", ADA).__enter__()
    ledger._store.connection.execute("PRAGMA query_only = OFF")
    with ledger.lease("db", "monday", ADA):
        pass


def test_a_release_that_cannot_be_noted_does_not_hide_the_work(ledger):
    """The lock is what counts; the work's own end is what the caller hears."""
    with pytest.raises(ZeroDivisionError), ledger.lease("db", "monday", ADA):
        ledger._store.connection.execute("PRAGMA query_only = ON")
        raise ZeroDivisionError
    ledger._store.connection.execute("PRAGMA query_only = OFF")
    with ledger.lease("db", "monday", ADA):
        pass


def test_a_lock_file_that_cannot_be_made_is_one_sentence(ledger, path):
    """A folder in its place, for instance."""
    with ledger.lease("db", "monday", ADA):
        pass
    (lock,) = path.parent.glob("*.lease")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        ledger.lease("db", "monday", ADA).__enter__()
