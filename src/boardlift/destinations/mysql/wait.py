"""Statements that need a table for themselves for a moment, asked for so that nobody queues behind them for long.

Until such a statement has all its locks, it waits in a queue in which every new reader stands behind it. So it gets
milliseconds, then gives up its place, lets the readers through and tries again a little later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import pymysql

from boardlift.clock import Clock
from boardlift.destinations.mysql.errors import Address, code_of, speaking
from boardlift.destinations.mysql.session import Session
from boardlift.destinations.retries import Retries
from boardlift.errors import UNCHANGED, PromotionConflict
from boardlift.shape.sql import COMMA, SQL, Composable, Literal

# A lock was not granted: lock wait timeout, deadlock, interrupted, max_statement_time.
NOT_GRANTED = frozenset({1205, 1213, 1317, 1969, 3024})
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class SwapPolicy(Retries):
    """How long readers may have to wait, and how long the swap tries.

    `lock_budget_ms` is for all locks of one of the first attempts together. `server_counts` says who ends a wait: the
    server (only MariaDB can), or this program by KILL QUERY from a second connection; None takes the server where it
    can.
    """

    attempts: int = 100
    lock_budget_ms: int = 50
    server_counts: bool | None = None

    def budget_ms(self, attempt: int) -> int:
        """The budget of an attempt: twice as much from the fifth on, four times from the fifteenth.

        Where every query takes longer than the first budget, no attempt would ever get through with it.
        """
        return self.lock_budget_ms * min(1 + attempt // 5, 4)


@dataclass(frozen=True)
class Blocker:
    """A session that uses a live table, or may be using it."""

    id: int
    user: str
    doing: str
    since: str

    def __str__(self) -> str:
        return f"connection {self.id}, user {self.user}, since {self.since}: {self.doing}"


@dataclass(frozen=True)
class Granted:
    """How often a statement was tried, and the longest time that one try took, in milliseconds."""

    attempts: int
    longest_ms: float


class Waiting:
    """Runs statements within the bounds of a policy, on one session."""

    def __init__(
        self, session: Session, connect: Callable[[], Session], address: Address, policy: SwapPolicy, clock: Clock
    ) -> None:
        self._session = session
        self._connect = connect
        self._address = address
        self._policy = policy
        self._clock = clock
        self._longest_ms = 0.0

    def persist(self, statement: Composable, action: str, namespace: str, names: Iterable[str]) -> Granted:
        """Try until it is done. Raises PromotionConflict that names who is in the way when patience is at its end."""
        wanted = list(names)
        attempt, blockers, self._longest_ms = 0, list[Blocker](), 0.0
        for attempt in self._policy.tries(self._clock):
            with speaking(self._address, action):
                done = self._once(statement, self._policy.budget_ms(attempt))
            if done:
                return Granted(attempt, self._longest_ms)
            with suppress(pymysql.err.MySQLError):  # who it was is told as far as this user may know
                blockers = find_blockers(self._session, namespace, wanted) or blockers
        raise gave_up(attempt, blockers)

    def _once(self, statement: Composable, budget_ms: int) -> bool:
        """Whether the statement was granted its locks in time, and is done."""
        counts = self._policy.server_counts
        try:
            if self._session.mariadb if counts is None else counts:
                budget = Composable(f"{budget_ms / 1000:.3f}")
                self._run(SQL("SET STATEMENT max_statement_time = {} FOR {}").format(budget, statement))
            else:
                self._run_watched(statement, budget_ms)
        except pymysql.err.MySQLError as error:
            if code_of(error) in NOT_GRANTED:
                return False
            raise
        return True

    def _run(self, statement: Composable) -> None:
        """Run and note the time: readers wait for this statement, not for what is done around it."""
        started = self._clock.monotonic()
        try:
            self._session.run(statement)
        finally:
            self._longest_ms = max(self._longest_ms, (self._clock.monotonic() - started) * 1000)

    def _run_watched(self, statement: Composable, budget_ms: int) -> None:
        """Run with a second connection at hand, which ends the wait by KILL QUERY."""
        guard = self._connect()
        over = threading.Event()
        fired = threading.Event()

        def watch() -> None:
            # A statement that has its locks and is at work is let be: cut short it would never come to its end.
            pause = budget_ms / 1000
            while not over.wait(pause):
                with suppress(pymysql.err.MySQLError):
                    if _waits(guard, self._session.id):
                        fired.set()
                        guard.run(SQL("KILL QUERY {}").format(Literal(self._session.id)))
                pause = _LOOK_SECONDS

        # Whatever becomes of this program, the server itself ends the wait after a second.
        self._session.run(SQL("SET SESSION lock_wait_timeout = 1"))
        watcher = threading.Thread(target=watch, name="boardlift watch")
        watcher.start()
        try:
            self._run(statement)
        finally:
            over.set()
            watcher.join()
            guard.close()
            if fired.is_set():  # a kill that came too late meets this statement, and no other
                with suppress(pymysql.err.MySQLError):
                    self._session.run(SQL("DO 0"))
            with suppress(pymysql.err.MySQLError):
                self._session.run(SQL("SET SESSION lock_wait_timeout = 10"))


def _waits(session: Session, connection: int) -> bool:
    """Whether a connection stands in a queue for a lock just now. Raises the driver's errors."""
    asked = SQL("SELECT 1 FROM information_schema.processlist WHERE id = {} AND state LIKE 'Waiting for %lock%'")
    return bool(session.ask(asked.format(Literal(connection))))


def gave_up(attempts: int, blockers: list[Blocker]) -> PromotionConflict:
    """The error after the last attempt."""
    who = "; ".join(str(blocker) for blocker in blockers)
    who = who or "sessions that this user may not see (GRANT PROCESS ON *.* shows them)"
    return PromotionConflict(
        f"The live tables could not be locked in {attempts} attempts; they are in use by: {who}. {UNCHANGED}",
        hint="let them end, or end one with KILL <connection>, then run the same command again",
    )


_LOCKS: dict[bool, SQL] = {  # by whether it is MariaDB: who holds locks on these tables, exactly
    True: SQL(
        "SELECT DISTINCT m.thread_id FROM information_schema.metadata_lock_info m"
        " WHERE m.table_schema = {} AND m.table_name IN ({})"
    ),
    False: SQL(
        "SELECT DISTINCT t.processlist_id FROM performance_schema.metadata_locks m"
        " JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id"
        " WHERE m.object_schema = {} AND m.object_name IN ({}) AND m.lock_status = 'GRANTED'"
    ),
}


def find_blockers(session: Session, namespace: str, names: list[str]) -> list[Blocker]:
    """Sessions that hold locks on these tables, where the server tells; else those that may: in a transaction, or busy.

    Raises the driver's errors.
    """
    if not names:
        return []
    exact: set[int] | None = None
    with suppress(pymysql.err.MySQLError):
        tables = COMMA.join(Literal(name) for name in names)
        exact = {
            int(str(id_)) for (id_,) in session.ask(_LOCKS[session.mariadb].format(Literal(namespace), tables))
        } or None
    transactions = SQL("LEFT JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id = p.id")
    statement = SQL(
        "SELECT p.id, concat(p.user, '@', p.host), coalesce(x.trx_query, p.info, {idle}),"
        " date_format(coalesce({began}, now() - INTERVAL p.time SECOND), '%Y-%m-%d %H:%i:%s UTC'), {began} IS NOT NULL"
        " FROM information_schema.processlist p {transactions}"
        " WHERE p.id <> connection_id() AND p.command NOT IN ('Daemon', 'Binlog Dump', 'Connect') ORDER BY 4, 1"
    )
    idle = Literal("idle in a transaction")
    try:
        # The times of transactions are in the zone of the server, those of NOW() in that of the session.
        began = SQL("convert_tz(x.trx_started, @@GLOBAL.time_zone, '+00:00')")
        rows = session.ask(statement.format(idle=idle, began=began, transactions=transactions))
    except pymysql.err.MySQLError:  # without PROCESS there are only our own sessions to see
        return []
    found = []
    for id_, user, doing, since, open_ in rows:
        mentions = any(name in str(doing) for name in names)
        if int(str(id_)) in exact if exact is not None else (open_ or mentions):
            text = " ".join(str(doing).split())
            found.append(Blocker(int(str(id_)), str(user), text[:80], str(since)))
    return found
