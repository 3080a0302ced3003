"""The swap in PostgreSQL: one transaction in which live tables leave, staged ones enter, and the catalogue says so.

Everything that can be done before readers have to wait is done before. Then the locks on all that takes part are asked
for at once with a budget of milliseconds; if one is not granted, all are given back and readers go on, and the swap
tries again a little later. Before the commit the catalogue is compared with what it was.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from boardlift.clock import Clock
from boardlift.destinations.catalogue import SwapPlan
from boardlift.destinations.interface import Replace, SwapOutcome
from boardlift.destinations.postgres import inspect, transaction
from boardlift.destinations.postgres.book import Made, Member, read_made
from boardlift.destinations.postgres.errors import Address, explain, speaking
from boardlift.destinations.postgres.inspect import Blocker
from boardlift.destinations.postgres.prepare import Preparation
from boardlift.destinations.postgres.prepared import Arrival, Prepared
from boardlift.destinations.postgres.session import PEOPLES_PATH, Script, Session, script
from boardlift.destinations.postgres.snapshot import Place
from boardlift.destinations.postgres.watch import Watch
from boardlift.errors import UNCHANGED, DependentObject, DestinationError, PromotionConflict
from boardlift.shape.sql import SQL, Composable, Identifier, Literal

_NOT_GRANTED = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DeadlockDetected,
)
_GONE = psycopg.errors.UndefinedTable  # dropped by hand a moment ago: look again, but not for ever
_BROKEN_RULE = {"23503", "23505", "23502", "23514", "23P01"}


@dataclass(frozen=True)
class SwapPolicy:
    """How long readers may have to wait, and how long the swap tries.

    `lock_budget_ms` counts for all locks of one of the first attempts together; `patience` is in seconds, over all
    attempts.
    """

    lock_budget_ms: int = 20
    attempts: int = 50
    patience: float = 30.0
    first_pause: float = 0.05
    longest_pause: float = 1.0

    def budget_ms(self, attempt: int) -> int:
        """The budget of an attempt: once more with every ten of them, up to four times as much.

        Where every query takes longer than the first budget, no attempt would ever get through with it.
        """
        return self.lock_budget_ms * min(1 + attempt // 10, 4)


class _LiveChanged(Exception):
    """Something about the live tables changed between preparation and lock."""


class Swap:
    """One swap on one connection (in autocommit; the swap writes its own BEGIN and COMMIT)."""

    def __init__(
        self,
        session: Session,
        address: Address,
        namespaces: tuple[str, str],
        policy: SwapPolicy,
        clock: Clock,
    ) -> None:
        self._session = session
        self._address = address
        self._live, self._hidden = namespaces
        self._policy = policy
        self._clock = clock
        self._random = random.Random()  # noqa: S311 (spreads retries, guards nothing)
        self._held = 0.0
        self._started: float | None = None
        self._missing = ""
        self._tries = 0

    def run(self, plan: SwapPlan, in_place: set[str]) -> SwapOutcome:
        """Carry the plan out; `in_place` are the groups whose live tables are refilled.

        Raises PromotionConflict or DependentObject with production unchanged.
        """
        moment = max((generation.promoted_at for generation in plan.entering), default=self._clock.now())
        if not plan.entering:
            return SwapOutcome(moment, 0, 0.0)
        # With nothing on the path, PostgreSQL describes every object with its schema.
        with speaking(self._address, "prepare the swap"):
            self._session.send(SQL("SET search_path = pg_catalog; SET row_security = off"))
        try:
            with speaking(self._address, "prepare the staged tables", _as_dependent):
                made = read_made(self._session.ask, self._hidden)
                preparation = Preparation(self._session, self._live, self._hidden, made)
                arrivals = self._arrive(plan, in_place, made, preparation)
            attempts = self._persist(plan, preparation, arrivals)
            return SwapOutcome(moment, attempts, self._held)
        finally:
            # The outcome stands by now, even if the connection does not.
            with suppress(psycopg.Error):
                self._session.send(SQL("RESET search_path; RESET row_security"))

    def _persist(self, plan: SwapPlan, preparation: Preparation, arrivals: Sequence[Arrival]) -> int:
        """Attempt after attempt, within the policy; how many it took."""
        blockers: list[Blocker] = []
        deadline = self._clock.monotonic() + self._policy.patience
        attempt = 0
        while attempt < self._policy.attempts and (attempt == 0 or self._clock.monotonic() < deadline):
            if attempt:
                self._pause(attempt)
            attempt += 1
            self._tries = attempt
            with speaking(self._address, "prepare the swap", _as_dependent):
                prepared = preparation.prepare(arrivals, plan.outgoing)
            if self._attempt(plan, prepared):
                self._tidy(prepared)
                return attempt
            with speaking(self._address, "look for blocking sessions"):
                blockers = inspect.blockers(self._session.ask, transaction.held(prepared)) or blockers
        raise self._gave_up(attempt, blockers)

    # -- before any reader waits

    def _arrive(
        self, plan: SwapPlan, in_place: set[str], made: dict[Member, Made], preparation: Preparation
    ) -> list[Arrival]:
        """Seal what was staged, and copy what must exist twice because live tables are filled from it."""
        outgoing = {t.name: (g.group, g.number, t.name) for g in plan.leaving for t in g.tables}
        there = self._existing(self._live, [slot.name for slot in plan.incoming])
        preparation.seal(plan.incoming)
        arrivals = []
        slots = iter(plan.incoming)
        for generation in plan.entering:
            for table in generation.tables:
                slot = next(slots)
                leaving = outgoing.get(slot.name)
                stays = generation.group in in_place
                refilled = stays and slot.name in there and leaving is not None and leaving[0] == generation.group
                body = slot.hidden_name
                if stays and not refilled:
                    body = transaction.body_name(slot.hidden_name)
                    preparation.duplicate((self._hidden, slot.hidden_name), body)
                way = Replace.IN_PLACE if refilled else Replace.SWAP
                member = (generation.group, generation.number, table.name)
                before = made.get(leaving) if leaving else None
                arrivals.append(Arrival(slot, member, way, body, before, made.get(member)))
        self._keep_copies(plan, arrivals, preparation)
        return arrivals

    def _keep_copies(self, plan: SwapPlan, arrivals: Sequence[Arrival], preparation: Preparation) -> None:
        """A generation that is about to be overwritten and has no copy yet gets one."""
        overwritten = {arrival.slot.name for arrival in arrivals if arrival.way is Replace.IN_PLACE}
        kept = self._existing(self._hidden, [slot.hidden_name for slot in plan.outgoing])
        for slot in plan.outgoing:
            if slot.name in overwritten and slot.hidden_name not in kept:
                preparation.duplicate((self._live, slot.name), slot.hidden_name)

    def _existing(self, namespace: str, names: list[str]) -> set[str]:
        rows = self._session.ask(
            SQL(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = {} AND c.relname = ANY({}) AND c.relkind = 'r'"
            ).format(Literal(namespace), inspect.array(names))
        )
        return {str(name) for (name,) in rows}

    # -- while readers may wait

    def _attempt(self, plan: SwapPlan, prepared: Prepared) -> bool:
        """Try once. Notes the milliseconds for which locks were asked for or held; returns whether it is done."""
        try:
            self._widen(prepared)
            with speaking(self._address, "prepare the swap", _as_dependent):
                self._before_locks(plan, prepared)
                watch, calm = self._look(prepared)
            exchange = script(transaction.exchange(prepared, self._hidden))
            if transaction.held(prepared):  # nobody can wait for a table that is not there yet
                self._started = self._clock.monotonic()
            with speaking(self._address, "lock the live tables"):
                self._lock(prepared, watch)
            with speaking(self._address, "swap the tables in", _as_dependent):
                self._swap(prepared, exchange, watch, calm)
        except DestinationError as error:
            self._session.undo()
            if not self._may_pass(error):
                raise
            return False
        except _LiveChanged:
            self._session.undo()
            return False
        except BaseException:
            self._session.undo()
            raise
        finally:
            self._note()
        return True

    def _may_pass(self, error: DestinationError) -> bool:
        """Whether it may be another matter at the next attempt."""
        if isinstance(error.__cause__, _GONE):
            again, self._missing = error.message == self._missing, error.message
            return not again
        return isinstance(error.__cause__, _NOT_GRANTED)

    def _note(self) -> None:
        if self._started is not None:
            self._held = max(self._held, (self._clock.monotonic() - self._started) * 1000)
            self._started = None

    def _widen(self, prepared: Prepared) -> None:
        """Columns that a refill needs, in a moment of its own."""
        for statements in transaction.widening(prepared):
            self._started = self._clock.monotonic()
            with speaking(self._address, "lock the live tables"):
                self._session.send(script([SQL("BEGIN"), *self._budget(), *statements, SQL("COMMIT")]))
            self._note()

    def _budget(self, relations: int = 0) -> list[Composable]:
        """The budget as settings. To lock very many relations takes a while where none is waited for, too."""
        budget = self._policy.budget_ms(self._tries)
        return [
            SQL("SET LOCAL lock_timeout = {}").format(Literal(f"{budget}ms")),
            SQL("SET LOCAL statement_timeout = {}").format(Literal(f"{budget + relations // 10}ms")),
        ]

    def _before_locks(self, plan: SwapPlan, prepared: Prepared) -> None:
        """Open the transaction and do in it what no reader can notice."""
        self._session.send(script(transaction.opening(plan, prepared, self._hidden)))
        for key, statements in transaction.foreign_keys(prepared):
            try:
                self._session.send(script(statements))
            except psycopg.errors.ForeignKeyViolation as error:
                raise DependentObject(
                    f"{key} does not hold for the new rows: {error.diag.message_detail or error}. {UNCHANGED}",
                    hint="mend the rows that refer to items which are gone, or drop the foreign key",
                ) from error
        for statement in transaction.refills(prepared):
            self._session.send(statement)
        if astray := transaction.astray(prepared, self._session.ask):
            raise DependentObject(
                f"The rows of {', '.join(astray)} are not those that were written: a trigger there changed them."
                f" {UNCHANGED}",
                hint="drop or change the trigger, or take `replace: in_place` out of boardlift.yaml",
            )

    def _look(self, prepared: Prepared) -> tuple[Watch, set[Place]]:
        """What is there as it was prepared for, and what must not change. Raises _LiveChanged when something has."""
        watch = Watch(self._session.ask, self._live, {name for schema, name in prepared.shapes if schema == self._live})
        if not transaction.unchanged(prepared, watch.snapshot):
            raise _LiveChanged
        return watch, transaction.calm(prepared, watch.snapshot)

    def _lock(self, prepared: Prepared, watch: Watch) -> None:
        """Lock all that takes part within the budget. Raises _LiveChanged when it is not as it was prepared for."""
        locks = transaction.locks(prepared)
        if locks is not None:
            budget = self._budget(len(transaction.held(prepared)))
            self._session.send(script([*budget, locks, SQL("SET LOCAL statement_timeout = '10s'")]))
        changed, _ = watch.changed()
        if changed:
            raise _LiveChanged

    def _swap(self, prepared: Prepared, exchange: Script, watch: Watch, calm: set[Place]) -> None:
        """What readers may wait for: names and ties change hands, the catalogue is compared, the commit."""
        if exchange.statements:
            self._session.send(exchange)
        changed, now = watch.changed(calm)
        found = transaction.differences(prepared, now, changed)
        if found:
            raise DependentObject(
                f"The swap was given up before its commit, for not everything would be as it was: {'; '.join(found)}."
                f" {UNCHANGED}",
                hint="drop what is named and make it again after the swap, or use `replace: in_place` for this board",
            )
        if prepared.refills:  # deferred triggers fire at the commit
            self._session.send(PEOPLES_PATH)
        self._commit()

    def _commit(self) -> None:
        try:
            self._session.send(SQL("COMMIT"))
        except psycopg.OperationalError as error:
            if self._session.closed or error.sqlstate in {"57P01", "57P02", "57P03"}:
                lost = explain(self._address, "say whether the swap took place", error, error.sqlstate)
                raise DestinationError(
                    f"{lost.message}; the connection broke while it was committed, so it is whole or did not happen.",
                    hint="run `boardlift runs`: the catalogue in the destination settles it in the next run",
                ) from error
            raise

    # -- after it, or after giving up

    def _tidy(self, prepared: Prepared) -> None:
        """A refill leaves dead rows; readers need not wait until they are gone, nor does the swap fail over them."""
        for place in prepared.refills:
            with suppress(psycopg.Error):
                self._session.send(SQL("VACUUM (ANALYZE, SKIP_LOCKED, TRUNCATE false) {}").format(Identifier(*place)))

    def _pause(self, attempt: int) -> None:
        pause = min(self._policy.first_pause * 1.5 ** (attempt - 1), self._policy.longest_pause)
        self._clock.sleep(pause * self._random.uniform(0.5, 1.0))

    def _gave_up(self, attempts: int, blockers: list[Blocker]) -> PromotionConflict:
        who = "; ".join(str(blocker) for blocker in blockers) or "the sessions were gone when asked for"
        return PromotionConflict(
            f"The live tables could not be locked in {attempts} attempts; they are in use by: {who}. {UNCHANGED}",
            hint="let them end, or end one with SELECT pg_terminate_backend(<pid>), then run the same command again",
        )


def _as_dependent(error: psycopg.Error, explained: DestinationError) -> DestinationError:
    """What PostgreSQL refuses about the objects of people is theirs to decide, not a failure of the database."""
    state = error.sqlstate or ""
    if isinstance(error, _NOT_GRANTED) or not (state in _BROKEN_RULE or state[:2] in {"42", "2B", "0A", "P0"}):
        return explained
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    hint = explained.hint or "change or drop what is named, or use `replace: in_place` for this board"
    if state == "42501":
        hint = "grant boardlift's role what is missing, or use `replace: in_place` for this board"
    return DependentObject(f"{explained.message}{detail}. {UNCHANGED}", hint=hint)
