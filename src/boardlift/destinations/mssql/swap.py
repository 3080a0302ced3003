"""The swap in SQL Server: one transaction in which live tables leave or are refilled, staged ones enter, and all that
hung on the old ones is tied to the new.

Everything that can be done before readers have to wait is done before. Then the locks on the live tables are asked
for, in the order of their names, with a budget of milliseconds for all of them together; if one is not granted, all are
given back and readers go on, and the swap tries again a little later with a somewhat larger budget. Only with all locks
are tables moved between the schemas: from the first move to the commit, readers of the whole live schema wait.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from boardlift.clock import Clock
from boardlift.destinations.catalogue import SwapPlan
from boardlift.destinations.interface import Replace, SwapOutcome
from boardlift.destinations.mssql import dress as dresses
from boardlift.destinations.mssql import refill as refills
from boardlift.destinations.mssql.book import record_statements
from boardlift.destinations.mssql.errors import (
    DRIVER_ERRORS,
    explain,
    is_lost,
    is_missing,
    is_not_granted,
    speaking,
)
from boardlift.destinations.mssql.inspect import Blocker, Inspector, blockers
from boardlift.destinations.mssql.moves import Move, passing
from boardlift.destinations.mssql.objects import Live, escalation_statement
from boardlift.destinations.mssql.prepare import Preparation, Prepared
from boardlift.destinations.mssql.session import Session, lock_timeout
from boardlift.destinations.mssql.sql import Name, batch, rename, transfer
from boardlift.destinations.retries import Retries
from boardlift.errors import UNCHANGED, DependentObject, DestinationError, PromotionConflict
from boardlift.shape.sql import SQL, Composable

_UNHURRIED_MS = 5_000  # for the catalogue, which nobody reads


@dataclass(frozen=True, kw_only=True)
class SwapPolicy(Retries):
    """How long readers may have to wait, and how long the swap tries.

    A budget counts for all locks of an attempt together; attempts take the tiers in turn, the last one ever after.
    """

    budgets_ms: tuple[int, ...] = (50, 100, 150, 200)

    def budget_ms(self, attempt: int) -> int:
        """Of attempt 1, 2, ..."""
        return self.budgets_ms[min(attempt, len(self.budgets_ms)) - 1]


class _LiveChanged(Exception):
    """A grant, a trigger or another dependant changed between preparation and lock."""


class Swap:
    """One swap on one session (in autocommit; the swap sends its own BEGIN and COMMIT)."""

    def __init__(
        self, session: Session, inspector: Inspector, namespaces: tuple[str, str], policy: SwapPolicy, clock: Clock
    ) -> None:
        self._session = session
        self._inspector = inspector
        self._live, self._hidden = namespaces
        self._policy = policy
        self._clock = clock
        self._waiting_since: float | None = None
        self._left_ms = 0.0
        self._sees = True

    def run(self, plan: SwapPlan, ways: Mapping[str, Replace], sealed: set[str]) -> SwapOutcome:
        """Carry the plan out; `ways` is by group, `sealed` names the hidden tables.

        Raises PromotionConflict or DependentObject with production unchanged.
        """
        moment = max((generation.promoted_at for generation in plan.entering), default=self._clock.now())
        if not plan.entering:
            return SwapOutcome(moment, 0, 0.0)
        preparation = Preparation(self._session, self._inspector, (self._live, self._hidden))
        with self._speaking("prepare the staged tables"):
            preparation.seal(plan)
        longest = 0.0
        seen: list[Blocker] = []
        attempt = 0
        for attempt in self._policy.tries(self._clock):
            with self._speaking("prepare the swap"):
                decided = preparation.decide(plan, ways, sealed)
                prepared = preparation.prepare(decided)
                preparation.copy(decided, prepared)
            self._waiting_since, self._left_ms = None, float(self._policy.budget_ms(attempt))
            done = self._attempt(plan, decided, prepared)
            longest = max(longest, self._waited())
            if done:
                return SwapOutcome(moment, attempt, longest)
            seen = self._look_for_blockers(decided) or seen
        raise self._gave_up(attempt, seen)

    def _speaking(self, action: str) -> AbstractContextManager[None]:
        return speaking(self._session.address, action)

    # -- while readers may wait

    def _attempt(self, plan: SwapPlan, decided: Sequence[Move], prepared: Prepared) -> bool:
        """Try once. Returns whether it is done; otherwise nothing has changed."""
        try:
            with self._speaking("prepare the swap"):
                begun = [lock_timeout(_UNHURRIED_MS), SQL("BEGIN TRANSACTION"), *record_statements(self._hidden, plan)]
                self._session.send(batch(begun))
            self._refill(decided, prepared)
            if any(move.leaves or move.swaps or move.places for move in decided):
                with self._speaking("lock the live tables"):
                    self._lock_leaving([m.name for m in decided if m.leaves], prepared)
                    self._refuse_changed(decided, prepared)
            with self._speaking("swap the tables in"):
                self._exchange(decided, prepared)
                self._compare(decided, prepared)
            self._commit()
        except DestinationError as error:
            self._session.undo()
            if is_not_granted(error.__cause__) or (is_missing(error.__cause__) and self._changed(decided, prepared)):
                return False
            raise
        except _LiveChanged:
            self._session.undo()
            return False
        except BaseException:
            self._session.undo()
            raise
        return True

    def _waited(self) -> float:
        return 0.0 if self._waiting_since is None else (self._clock.monotonic() - self._waiting_since) * 1000

    def _enter(self, decided: Sequence[Move], prepared: Prepared) -> list[Composable]:
        """Incoming tables into the live schema. From the first of them to the commit nobody reads anything there."""
        statements: list[Composable] = []
        for move in decided:
            if move.copies and move.leaving is not None:
                kept = move.leaving.hidden_name
                statements.append(rename(self._hidden, passing(kept, "kept"), kept))
            if move.swaps or move.places:
                statements.append(transfer(move.made, out_of=self._hidden, into=self._live))
            if move.swaps and move.name in prepared.live:
                statements += dresses.entrust(
                    self._live, move.made, prepared.live[move.name], prepared.coming[move.name]
                )
        return statements

    def _refill(self, decided: Sequence[Move], prepared: Prepared) -> None:
        """Empty and fill again. Readers see the rows that were, unless columns change: then they wait."""
        refilled = [move for move in decided if move.refills]
        if not refilled:
            return
        reshaped = {m.name: refills.reshape(Name(self._live, m.name), *self._both(m, prepared)) for m in refilled}
        with self._speaking("lock the live tables"):
            self._lock_refilled({name: bool(changes) for name, changes in reshaped.items()}, prepared)
        for move in refilled:
            now, new = self._both(move, prepared)
            target = Name(self._live, move.name)
            with self._speaking(f"refill {move.name}"):
                self._session.send(batch([refills.empty(target)]))
                if reshaped[move.name]:
                    self._session.send(batch(reshaped[move.name]))
                assert move.entering is not None
                columns = [column for column in new.columns if not column.computed]
                source = Name(self._hidden, move.entering.hidden_name)
                self._session.send(batch([refills.insert(target, source, columns, read=True)]))
                again = refills.redress((self._live, move.name), now, new, refills.changed_columns(now, new))
                if again:
                    self._session.send(batch(again))

    def _both(self, move: Move, prepared: Prepared) -> tuple[Live, Live]:
        return prepared.live[move.name], prepared.coming[move.name]

    def _lock_leaving(self, names: Sequence[str], prepared: Prepared) -> None:
        """Have no reader in tables that leave or whose foreign keys point at these. From here on readers wait."""
        asked = self._parents(names, prepared)
        for name in names:
            asked |= {
                k.child: escalation_statement(Name(*k.child), k.escalation) for k in prepared.live[name].pointing_in
            }
        for name in names:
            asked[self._live, name] = escalation_statement(Name(self._live, name), prepared.live[name].escalation)
        self._waiting_since = self._waiting_since or self._clock.monotonic()
        self._lock(asked)

    def _lock_refilled(self, reshaped: Mapping[str, bool], prepared: Prepared) -> None:
        """Keep other writers out of tables that are refilled, and readers out of those whose columns change."""
        asked = self._parents(reshaped, prepared)
        for name in reshaped:
            asked |= {key.child: _held(key.child) for key in prepared.live[name].pointing_in}
        for name, changes in reshaped.items():
            place = (self._live, name)
            asked[place] = (
                escalation_statement(Name(*place), prepared.live[name].escalation) if changes else _held(place)
            )
        if any(reshaped.values()):
            self._waiting_since = self._clock.monotonic()
        self._lock(asked)

    def _parents(self, names: Collection[str], prepared: Prepared) -> dict[tuple[str, str], Composable]:
        """What foreign keys of these point at may be other people's: for this lock the right to read is enough."""
        return {key.parent: _held(key.parent) for name in names for key in prepared.live[name].pointing_out}

    def _lock(self, asked: Mapping[tuple[str, str], Composable]) -> None:
        """Ask for locks in the order of the tables' names, within what is left of the budget, which then stays set.

        A running query holds no lock on its table but one against a change of the table itself (Sch-S). So an ALTER
        TABLE that changes nothing is what waits for it here, and nothing has to wait for it later.
        """
        for place in sorted(asked):
            started = self._clock.monotonic()
            self._session.send(batch([self._patience(), asked[place]]))
            self._left_ms -= (self._clock.monotonic() - started) * 1000
        self._session.send(batch([self._patience()]))

    def _patience(self) -> Composable:
        return lock_timeout(max(int(self._left_ms), 1))

    def _refuse_changed(self, decided: Sequence[Move], prepared: Prepared) -> None:
        if self._changed(decided, prepared):
            raise _LiveChanged

    def _changed(self, decided: Sequence[Move], prepared: Prepared) -> bool:
        """Whether live tables, or what hangs on them, are other than the swap was prepared for."""
        refilled = {move.name for move in decided if move.refills}
        now = self._now(decided)
        return any(now.get(move.name) != prepared.live.get(move.name) for move in decided if move.name not in refilled)

    def _now(self, decided: Sequence[Move]) -> dict[str, Live]:
        """The live tables as they are. The question reads as the one before the locks, whose plans the server keeps."""
        with self._speaking("read the live tables"):
            return self._inspector.tables(self._live, [move.name for move in decided])

    def _exchange(self, decided: Sequence[Move], prepared: Prepared) -> None:
        """The old ones out, the new ones in under their names, and everything tied to them."""
        leaving = [move for move in decided if move.leaves]
        successors = {move.name for move in decided if move.swaps}
        statements = self._enter(decided, prepared)
        dropped: set[str] = set()
        for move in leaving:
            live = prepared.live[move.name]
            strip = dresses.bare if move.name in successors else dresses.bare_unpaired
            # A foreign key between two of the tables hangs on both.
            fresh = [s for s in strip(self._live, live) if s.text not in dropped]
            dropped |= {statement.text for statement in fresh}
            statements += fresh
        for move in leaving:
            assert move.leaving is not None
            if move.held:
                statements.append(SQL("DROP TABLE {}").format(Name(self._live, move.name)))
            else:
                statements.append(rename(self._live, move.name, move.leaving.hidden_name))
                statements.append(transfer(move.leaving.hidden_name, out_of=self._live, into=self._hidden))
        statements += [rename(self._live, m.made, m.name) for m in decided if m.swaps or m.places]
        paired = [m.name for m in leaving if m.swaps]
        for name in paired:
            place = next(m.made for m in decided if m.name == name)
            statements += dresses.dress(self._live, place, prepared.live[name], prepared.coming[name])
        statements += dresses.bind(self._live, [prepared.live[name] for name in paired])
        if statements:
            self._session.send(batch(statements))
        for name in paired:
            for alone in dresses.trigger_batches(self._live, prepared.live[name]):
                self._session.send(alone)
        last = [s for n in paired for s in dresses.late_properties(self._live, prepared.live[n], prepared.coming[n])]
        last += dresses.refresh(prepared.views)
        if last:
            self._session.send(batch(last))

    def _compare(self, decided: Sequence[Move], prepared: Prepared) -> None:
        """What hung on the old tables hangs on the new ones, or nothing of the swap stays."""
        paired = [move.name for move in decided if move.leaves and move.swaps]
        after = self._now(decided) if paired else {}
        missing = [f"{what} (on {name})" for name in paired for what in dresses.lost(prepared.live[name], after[name])]
        if missing:
            raise DependentObject(
                f"After the swap this would have been lost: {'; '.join(missing)}. {UNCHANGED}",
                hint="set `replace: in_place` for the board in boardlift.yaml, or drop what is named above",
            )

    def _commit(self) -> None:
        try:
            self._session.send(batch([SQL("COMMIT TRANSACTION")]))
        except DRIVER_ERRORS as error:
            said = explain(self._session.address, "say whether the swap took place", error)
            if not is_lost(error):
                raise said from error
            raise DestinationError(
                f"{said.message}; the connection broke while it was committed, so it is whole or did not happen.",
                hint="run `boardlift runs`: the catalogue in the destination settles it in the next run",
            ) from error
        with suppress(*DRIVER_ERRORS):
            self._session.send(batch([lock_timeout(30_000)]))

    # -- after giving up

    def _look_for_blockers(self, decided: Sequence[Move]) -> list[Blocker]:
        """Who holds locks on the live tables; nobody where this login may not see sessions."""
        try:
            return blockers(self._session, self._live, [move.name for move in decided if move.here])
        except DRIVER_ERRORS:
            self._sees = False
            return []

    def _gave_up(self, attempts: int, seen: list[Blocker]) -> PromotionConflict:
        if not seen and not self._sees:
            who = "sessions that this login may not see"
            hint = (
                "GRANT VIEW SERVER STATE TO <login> (Azure SQL: VIEW DATABASE STATE) to have them named;"
                " run the same command again when they ended"
            )
        else:
            who = "; ".join(map(str, seen)) or "sessions that were gone when asked for"
            hint = "let them end, or end one with KILL <session>, then run the same command again"
        return PromotionConflict(
            f"The live tables could not be locked in {attempts} attempts; they are in use by: {who}. {UNCHANGED}",
            hint=hint,
        )


def _held(place: tuple[str, str]) -> Composable:
    """Lock a table against writers, and against readers who want locks."""
    return SQL("SELECT TOP (1) 1 AS held FROM {} WITH (TABLOCKX, HOLDLOCK)").format(Name(*place))
