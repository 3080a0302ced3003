"""How long a swap in SQL Server keeps readers waiting, and what it says when it gives up."""

from __future__ import annotations

from collections.abc import Iterator

import mssql_python
import pytest

from boardlift.destinations.interface import Replace
from boardlift.destinations.mssql.engine import MSSQL
from boardlift.destinations.mssql.errors import is_missing
from boardlift.errors import PromotionConflict
from support.clocks import FastClock
from support.mssql_script import (
    INCOMING,
    LIVE,
    PLANNING,
    TABLE,
    URL,
    Server,
    book,
    group,
    not_granted,
    opened_on,
    stage,
)

ASKED = "SET (LOCK_ESCALATION"  # how the lock on a table is asked for that readers must leave


@pytest.fixture
def server() -> Server:
    return Server(tables={(LIVE, "planning"): PLANNING}, book=book(("1", 1, "planning__g1", "live")))


@pytest.fixture
def destination(server: Server) -> Iterator[MSSQL]:
    opened = opened_on(server)
    yield opened
    opened.close()


def test_a_lock_that_is_not_granted_is_asked_for_again_with_more_patience(server: Server, destination: MSSQL) -> None:
    """Everything is given back between the attempts, and the budget grows."""
    refusals = iter([True, True, True, False])

    def fail(text: str) -> None:
        if ASKED in text and next(refusals):
            raise not_granted()

    server.fail = fail
    stage(server, TABLE)
    assert destination.promote("run-2", [group(TABLE)]).attempts == 4
    asked = [text.splitlines()[0] for text in server.sent if ASKED in text]
    assert asked == [f"SET LOCK_TIMEOUT {budget};" for budget in (50, 100, 150, 200)]
    assert len([text for text in server.sent if text.startswith("IF @@TRANCOUNT > 0 ROLLBACK")]) == 3


def test_the_locks_of_an_attempt_share_its_budget_and_the_swap_gets_the_rest(server: Server) -> None:
    """The second table waits for what the first has left; nothing enters the live schema before both are locked."""
    clock = FastClock()
    server.keys = INCOMING

    def wait(text: str) -> None:
        clock.sleep(0.015 if ASKED in text else 0)

    server.fail = wait
    stage(server, TABLE)
    outcome = MSSQL(URL, LIVE, clock=clock, connector=server.connect).promote("run-2", [group(TABLE)])
    begun = next(place for place, text in enumerate(server.sent) if ASKED in text)
    timed = [text.splitlines()[0] for text in server.sent[begun:] if text.startswith("SET LOCK_TIMEOUT")]
    assert timed == [f"SET LOCK_TIMEOUT {left};" for left in (50, 35, 20, 30_000)]
    entered = next(place for place, text in enumerate(server.sent) if " TRANSFER " in text)
    assert entered > max(place for place, text in enumerate(server.sent) if ASKED in text)
    assert outcome.blocked_ms == pytest.approx(30)


@pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
def test_the_wait_of_a_first_promotion_is_measured(server: Server, replace: Replace) -> None:
    """While a table enters the live schema, readers of all tables there wait, though none of them is replaced."""
    clock = FastClock()
    server.tables, server.book = {}, []
    server.fail = lambda text: clock.sleep(0.04 if " TRANSFER " in text else 0)
    stage(server, TABLE, number=1)
    destination = MSSQL(URL, LIVE, clock=clock, connector=server.connect)
    assert destination.promote("run-1", [group(TABLE, number=1, replace=replace)]).blocked_ms == pytest.approx(40)
    entered = next(place for place, text in enumerate(server.sent) if " TRANSFER " in text)
    assert [text for text in server.sent[:entered] if "LOCK_TIMEOUT" in text][-1] == "SET LOCK_TIMEOUT 50;"


def test_a_refill_that_changes_no_column_keeps_nobody_waiting(server: Server) -> None:
    """Readers see the rows that were; the lock that is asked for is one against writers."""
    clock = FastClock()
    server.fail = lambda _text: clock.sleep(0.01)
    stage(server, TABLE)
    destination = MSSQL(URL, LIVE, clock=clock, connector=server.connect)
    assert destination.promote("run-2", [group(TABLE, replace=Replace.IN_PLACE)]).blocked_ms == 0
    assert not [text for text in server.sent if ASKED in text]


def test_a_table_that_is_gone_when_it_is_renamed_is_one_that_is_missing() -> None:
    """sp_rename has words of its own for it."""
    words = "Either the parameter @objname is ambiguous or the claimed @objtype (OBJECT) is wrong."
    assert is_missing(mssql_python.ProgrammingError("x", f"[Microsoft][SQL Server]{words}"))


def test_when_the_patience_ends_the_blocker_is_named(server: Server, destination: MSSQL) -> None:
    """Who, since when, with which query; after no more than 30 seconds."""

    def fail(text: str) -> None:
        if ASKED in text:
            raise not_granted()

    server.fail = fail
    server.blockers = [(61, "ann", "laptop", "SSMS", "2026-03-01 08:00:00", "SELECT *\n  FROM monday.planning")]
    stage(server, TABLE)
    with pytest.raises(PromotionConflict) as caught:
        destination.promote("run-2", [group(TABLE)])
    assert "session 61, ann on laptop (SSMS), since 2026-03-01 08:00:00 UTC: SELECT * FROM monday.planning" in str(
        caught.value
    )
    assert "Production was not changed." in caught.value.message
    assert "KILL" in caught.value.hint


def test_without_the_right_to_see_sessions_the_right_is_named(server: Server, destination: MSSQL) -> None:
    """The refusal says what would make it more telling."""

    def fail(text: str) -> None:
        if ASKED in text or "sys.dm_tran_locks" in text:
            raise not_granted()

    server.fail = fail
    stage(server, TABLE)
    with pytest.raises(PromotionConflict, match="may not see") as caught:
        destination.promote("run-2", [group(TABLE)])
    assert "VIEW SERVER STATE" in caught.value.hint
