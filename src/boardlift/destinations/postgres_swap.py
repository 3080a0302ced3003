"""The swap in PostgreSQL: one transaction in which live tables leave, staged ones enter, and the catalogue says so.

Everything that can be done before readers have to wait is done before. Then the locks on all live tables are asked for
at once with a budget of milliseconds; if one is not granted, all are given back and readers go on, and the swap tries
again a little later.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.pq import TransactionStatus

from boardlift.clock import Clock
from boardlift.destinations import catalogue
from boardlift.destinations import postgres_indexes as indexes
from boardlift.destinations import postgres_inspect as inspect
from boardlift.destinations.catalogue import CATALOGUE, CatalogueRow, Slot, SwapPlan
from boardlift.destinations.interface import State, SwapOutcome
from boardlift.destinations.postgres_ddl import key_statement, label_statements
from boardlift.destinations.postgres_errors import Address, explain, speaking
from boardlift.destinations.postgres_indexes import Handover
from boardlift.destinations.postgres_inspect import Blocker, Relation, Rows
from boardlift.errors import UNCHANGED, DependentObject, DestinationError, PromotionConflict
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_NOT_GRANTED = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UndefinedTable,  # dropped by hand a moment ago: look again
)


@dataclass(frozen=True)
class SwapPolicy:
    """How long readers may have to wait, and how long the swap tries.

    `lock_budget_ms` counts for all locks of an attempt together; `patience` is in seconds, over all attempts.
    """

    lock_budget_ms: int = 20
    attempts: int = 50
    patience: float = 30.0
    first_pause: float = 0.05
    longest_pause: float = 1.0


@dataclass(frozen=True)
class Prepared:
    """The live tables as the staged ones were prepared for, and the indexes that change hands."""

    live: list[Relation]
    handovers: list[Handover]


class _LiveChanged(Exception):
    """A grant, an owner, an index or a dependant changed between preparation and lock."""


class Swap:
    """One swap on one connection (in autocommit; the swap writes its own BEGIN and COMMIT)."""

    def __init__(
        self,
        connection: psycopg.Connection,
        address: Address,
        namespaces: tuple[str, str],
        policy: SwapPolicy,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._address = address
        self._live, self._hidden = namespaces
        self._policy = policy
        self._clock = clock
        self._random = random.Random()  # noqa: S311 (spreads retries, guards nothing)

    def run(self, plan: SwapPlan) -> SwapOutcome:
        """Carry the plan out. Raises PromotionConflict or DependentObject with production unchanged."""
        moment = max((generation.promoted_at for generation in plan.entering), default=self._clock.now())
        if not plan.entering:
            return SwapOutcome(moment, 0, 0.0)
        # With nothing on the path, PostgreSQL describes every object with its schema.
        with speaking(self._address, "prepare the swap"):
            self._send(SQL("SET search_path = pg_catalog"))
        try:
            with speaking(self._address, "prepare the staged tables"):
                self._seal(plan)
            return self._persist(plan, moment)
        finally:
            # The outcome stands by now, even if the connection does not.
            with suppress(psycopg.Error):
                self._send(SQL("RESET search_path"))

    def _persist(self, plan: SwapPlan, moment: datetime) -> SwapOutcome:
        """Attempt after attempt, within the policy."""
        longest = 0.0
        blockers: list[Blocker] = []
        names = sorted({slot.name for slot in plan.outgoing})
        deadline = self._clock.monotonic() + self._policy.patience
        attempt = 0
        while attempt < self._policy.attempts and (attempt == 0 or self._clock.monotonic() < deadline):
            if attempt:
                self._pause(attempt)
            attempt += 1
            with speaking(self._address, "prepare the swap"):
                prepared = self._carry_over(plan, names)
            blocked, done = self._attempt(plan, prepared)
            longest = max(longest, blocked)
            if done:
                return SwapOutcome(moment, attempt, longest)
            with speaking(self._address, "look for blocking sessions"):
                blockers = inspect.blockers(self._ask, self._live, names) or blockers
        raise self._gave_up(attempt, blockers)

    # -- before any reader waits

    def _seal(self, plan: SwapPlan) -> None:
        for slot in plan.incoming:
            if slot.table is None:
                continue
            target = Identifier(self._hidden, slot.hidden_name)
            self._send(SQL("BEGIN"))
            try:
                key = key_statement(target, slot.table, slot.hidden_name)
                if key is not None and not self._has_key(slot):
                    self._send(key)
                for statement in label_statements(target, slot.table):
                    self._send(statement)
                self._send(SQL("COMMIT"))
            except BaseException:
                self._undo()
                raise
            # Statistics for the first queries, and nothing left for autovacuum to hold a lock for.
            self._send(SQL("VACUUM (ANALYZE) {}").format(target))

    def _has_key(self, slot: Slot) -> bool:
        statement = SQL("SELECT FROM pg_constraint WHERE conrelid = to_regclass({}) AND contype = 'p'")
        return bool(self._ask(statement.format(Literal(Identifier(self._hidden, slot.hidden_name).text))))

    def _carry_over(self, plan: SwapPlan, names: list[str]) -> Prepared:
        """Give incoming tables the owner, grants and indexes of those they replace."""
        found = inspect.read_relations(self._ask(inspect.relations_statement(self._live, names)))
        _refuse_dependants(found)
        live = {relation.name: relation for relation in found}
        leaving = {slot.name: slot for slot in plan.outgoing}
        promised = inspect.default_grants(self._ask, self._live)
        handovers: list[Handover] = []
        for slot in plan.incoming:
            staged = self._staged(slot)
            before = live.get(slot.name)
            if before is not None:
                self._dress(slot, staged, before)
                pair = (leaving[slot.name], slot)
                handovers += indexes.build(before, staged, pair, self._hidden, self._send)
            elif slot.table is not None and promised:
                target = Identifier(self._hidden, slot.hidden_name)
                self._all_or_none(inspect.grant_statements(target, [], promised, set()))
        return Prepared(found, handovers)

    def _staged(self, slot: Slot) -> Relation:
        statement = inspect.relations_statement(self._hidden, [slot.hidden_name])
        for relation in inspect.read_relations(self._ask(statement)):
            return relation
        raise DestinationError(
            f"The table {slot.hidden_name} of {slot.name} is missing in {self._hidden}. {UNCHANGED}",
            hint="run `boardlift sync` to stage it anew",
        )

    def _dress(self, slot: Slot, staged: Relation, before: Relation) -> None:
        """The owner and the grants of the table that this one replaces, not one more and not one less."""
        target = Identifier(self._hidden, slot.hidden_name)
        if staged.owner != before.owner:
            self._send(SQL("ALTER TABLE {} OWNER TO {}").format(target, Identifier(before.owner)))
        have = inspect.grants(self._ask, self._hidden, slot.hidden_name)
        want = inspect.grants(self._ask, self._live, slot.name)
        columns = {str(row[0]) for row in self._ask(_columns_statement(target))}
        if statements := inspect.grant_statements(target, have, want, columns):
            self._all_or_none(statements)

    # -- while readers may wait

    def _attempt(self, plan: SwapPlan, prepared: Prepared) -> tuple[float, bool]:
        """Try once. Returns the milliseconds for which locks were asked for or held, and whether it is done."""
        started = None
        try:
            with speaking(self._address, "prepare the swap"):
                self._send(_script(self._before_locks(plan)))
            started = self._clock.monotonic()
            with speaking(self._address, "lock the live tables"):
                self._lock(prepared.live)
            with speaking(self._address, "swap the tables in"):
                self._commit(plan, prepared)
        except DestinationError as error:
            self._undo()
            if not isinstance(error.__cause__, _NOT_GRANTED):
                raise
            return self._since(started), False
        except _LiveChanged:
            self._undo()
            return self._since(started), False
        except BaseException:
            self._undo()
            raise
        return self._since(started), True

    def _since(self, started: float | None) -> float:
        return 0.0 if started is None else (self._clock.monotonic() - started) * 1000

    def _before_locks(self, plan: SwapPlan) -> list[Composable]:
        """Open the transaction and do in it what no reader can notice."""
        statements: list[Composable] = [SQL("BEGIN"), SQL("SET LOCAL lock_timeout = '5s'")]
        if plan.incoming:
            staged = COMMA.join(Identifier(self._hidden, slot.hidden_name) for slot in plan.incoming)
            statements.append(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(staged))
        statements += [
            SQL("ALTER TABLE {} SET SCHEMA {}").format(
                Identifier(self._hidden, slot.hidden_name), Identifier(self._live)
            )
            for slot in plan.incoming
        ]
        return statements + record_statements(Identifier(self._hidden, CATALOGUE), plan)

    def _lock(self, prepared: list[Relation]) -> None:
        """Lock all live tables within the budget. Raises _LiveChanged when they are not as they were prepared for."""
        if not prepared:
            return
        budget = Literal(f"{self._policy.lock_budget_ms}ms")
        names = [relation.name for relation in prepared]
        live = COMMA.join(Identifier(self._live, name) for name in names)
        found = self._send(
            _script(
                [
                    SQL("SET LOCAL lock_timeout = {}").format(budget),
                    SQL("SET LOCAL statement_timeout = {}").format(budget),
                    SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(live),
                    SQL("SET LOCAL statement_timeout = '10s'"),
                    inspect.relations_statement(self._live, names),
                ]
            )
        )
        if inspect.read_relations(found) != prepared:
            raise _LiveChanged

    def _commit(self, plan: SwapPlan, prepared: Prepared) -> None:
        there = {relation.name for relation in prepared.live}
        statements = indexes.retire(self._live, prepared.handovers)
        for slot in plan.outgoing:
            if slot.name in there:
                left = Identifier(self._live, slot.hidden_name)
                statements.append(_rename(Identifier(self._live, slot.name), slot.hidden_name))
                statements.append(SQL("ALTER TABLE {} SET SCHEMA {}").format(left, Identifier(self._hidden)))
        statements += [_rename(Identifier(self._live, slot.hidden_name), slot.name) for slot in plan.incoming]
        statements += indexes.succeed(self._live, prepared.handovers)
        try:
            self._send(_script([*statements, SQL("COMMIT")]))
        except psycopg.OperationalError as error:
            if self._connection.closed or error.sqlstate in {"57P01", "57P02", "57P03"}:
                lost = explain(self._address, "say whether the swap took place", error, error.sqlstate)
                raise DestinationError(
                    f"{lost.message}; the connection broke while it was committed, so it is whole or did not happen.",
                    hint="run `boardlift runs`: the catalogue in the destination settles it in the next run",
                ) from error
            raise

    # -- after giving up

    def _pause(self, attempt: int) -> None:
        pause = min(self._policy.first_pause * 1.5 ** (attempt - 1), self._policy.longest_pause)
        self._clock.sleep(pause * self._random.uniform(0.5, 1.0))

    def _gave_up(self, attempts: int, blockers: list[Blocker]) -> PromotionConflict:
        who = "; ".join(str(blocker) for blocker in blockers) or "the sessions were gone when asked for"
        return PromotionConflict(
            f"The live tables could not be locked in {attempts} attempts; they are in use by: {who}. {UNCHANGED}",
            hint="let them end, or end one with SELECT pg_terminate_backend(<pid>), then run the same command again",
        )

    # -- the connection

    def _ask(self, statement: Composable) -> Rows:
        return self._connection.execute(statement.text.encode()).fetchall()

    def _send(self, statement: Composable) -> Rows:
        """Run one statement or a script of them in one round trip; the rows of the last that has any."""
        cursor = self._connection.execute(statement.text.encode())
        rows: Rows = []
        while True:
            if cursor.description is not None:
                rows = cursor.fetchall()
            if not cursor.nextset():
                return rows

    def _all_or_none(self, statements: list[Composable]) -> None:
        try:
            self._send(_script([SQL("BEGIN"), *statements, SQL("COMMIT")]))
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        come_to_rest(self._connection)


def come_to_rest(connection: psycopg.Connection) -> None:
    """Leave no transaction open.

    Ctrl-C stops us in the middle of a statement: first take what the server still says, for until then nobody knows
    whether a COMMIT in it took place.
    """
    with suppress(psycopg.Error):  # where it cannot be said, the server does it by itself
        while connection.pgconn.transaction_status == TransactionStatus.ACTIVE and connection.pgconn.get_result():
            pass
        connection.rollback()


def record_statements(book: Composable, plan: SwapPlan) -> list[Composable]:
    """The catalogue rows of a swap: what leaves is kept, what enters is live."""
    where = SQL(" WHERE group_key = {} AND generation = {}")
    statements = [
        SQL("UPDATE {} SET state = {}").format(book, Literal(State.KEPT.value))
        + where.format(Literal(generation.group), Literal(generation.number))
        for generation in plan.leaving
    ]
    if plan.new:
        rows = catalogue.catalogue_rows(plan)
        values = COMMA.join(_row(row) for row in rows)
        return [*statements, SQL("INSERT INTO {} VALUES {}").format(book, values)] if rows else statements
    return statements + [
        SQL("UPDATE {} SET state = {}, run_id = {}, promoted_at = {}").format(
            book, Literal(State.LIVE.value), Literal(plan.run_id), _instant(generation.promoted_at)
        )
        + where.format(Literal(generation.group), Literal(generation.number))
        for generation in plan.entering
    ]


def _row(row: CatalogueRow) -> Composable:
    return SQL("({}, {}, {}, {}, {}, {}, {}, {}, {}, {})").format(
        Literal(row.group),
        Literal(row.generation),
        Literal(row.ordinal),
        Literal(row.name),
        Literal(row.hidden_name),
        Literal(row.state.value),
        Literal(row.run_id),
        Literal(row.rows),
        Literal(row.fingerprint),
        _instant(row.promoted_at),
    )


def _instant(moment: datetime) -> Composable:
    return SQL("{}::timestamptz").format(Literal(moment.isoformat()))


def _script(statements: Iterable[Composable]) -> Composable:
    return SQL("; ").join(statements)


def _rename(table: Composable, name: str) -> Composable:
    return SQL("ALTER TABLE {} RENAME TO {}").format(table, Identifier(name))


def _columns_statement(target: Composable) -> Composable:
    statement = SQL(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({}) AND attnum > 0 AND NOT attisdropped"
    )
    return statement.format(Literal(target.text))


def _refuse_dependants(found: list[Relation]) -> None:
    built = [f"{what} (on {relation.name})" for relation in found for what in relation.dependants]
    if built:
        raise DependentObject(
            f"The swap would leave behind what is built on the live tables: {'; '.join(built)}. {UNCHANGED}",
            hint="drop it and make it again after the swap (a view can be replaced by a query on the live table);"
            " this release does not carry it over",
        )
