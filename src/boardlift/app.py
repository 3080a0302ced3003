"""The composition root: from settings to client, destination, ledger, run. The only file that constructs the parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import Self, TypeVar

from boardlift.clock import Clock, SystemClock
from boardlift.destinations.interface import (
    Destination,
    Generation,
    Replace,
    State,
    SwapOutcome,
)
from boardlift.destinations.registry import open_destination
from boardlift.errors import (
    SWAPPED,
    UNCHANGED,
    UNKNOWN_SWAP,
    BoardliftError,
    CheckFailed,
    CheckResult,
    ConfigError,
    DestinationError,
    Interrupted,
    PromotionConflict,
    SourceError,
    is_interrupt,
)
from boardlift.incremental.decide import Policy, ReadAll, Resume, decide
from boardlift.incremental.forecast import FEW_CHANGES, forecast
from boardlift.ledger import Holder, Ledger, Outcome, Run, RunKind, RunStatus
from boardlift.load.checks.live import check_live
from boardlift.load.commits import Part, count_commits, in_part
from boardlift.load.promote import count_live, settle
from boardlift.load.rehearse import Rehearsal, bytes_to_copy, rehearsal_namespace, rehearse, shapes_of
from boardlift.load.retain import retain
from boardlift.load.rollback import Target, choose, roll_back
from boardlift.monday.client import MondayClient
from boardlift.monday.dialect import Dialect
from boardlift.monday.parallel import Manner
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.planning import Planned, plan_boards, remember, replace_of
from boardlift.pipeline import BoardMoved, Options, Parts, sync
from boardlift.progress import Progress, Silent
from boardlift.projection import BoardProjection, Projection
from boardlift.reports import BoardReport, RunReport
from boardlift.settings import Loaded
from boardlift.shape.change import Change, compare
from boardlift.sharing import AccountReader, open_client
from boardlift.spool.run import SpoolRun, prune

TEST_ITEMS = 500
"""Items per board in test mode."""
KEPT_SPOOLS = 2

T = TypeVar("T")


class App:
    """The parts of one command, opened when first used and closed together."""

    def __init__(
        self, loaded: Loaded, *, test: bool = False, clock: Clock | None = None, progress: Progress | None = None
    ) -> None:
        self.loaded = loaded
        self.clock: Clock = clock or SystemClock()
        self.progress: Progress = progress or Silent()
        self.namespace = f"{loaded.settings.namespace}_test" if test else loaded.settings.namespace
        self._test = test
        self._open = ExitStack()
        self._spool: SpoolRun | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def client(self) -> MondayClient:
        return self._open.enter_context(open_client(self.loaded, self.clock, self.progress))

    @cached_property
    def destination(self) -> Destination:
        destination = open_destination(self.loaded.destination.reveal(), self.namespace)
        self._open.callback(destination.close)
        return destination

    @cached_property
    def ledger(self) -> Ledger:
        return self._open.enter_context(Ledger.open(self.loaded.state_folder / "ledger.sqlite", self.clock))

    def place(self, table: str) -> str:
        """A live table as a person names it, without quotes: the names that boardlift gives need none."""
        return re.sub(r'["`\[\]]', "", self.destination.address(table))

    # -- plan ------------------------------------------------------------------------------------------------------

    def plan(self, wanted: Sequence[str] = ()) -> list[BoardReport]:
        """What a sync of these boards would do. Changes nothing, neither here nor there."""
        self._refuse_impossible()
        self._account.join("boardlift plan")
        planned = plan_boards(self.client, self.loaded.settings, self.ledger, wanted)
        live, ways = self._live(), self._ways(planned.boards)
        costs = forecast(self.client, planned.boards, ways, self.loaded.settings.account.page_size)
        projection = self.project(planned.boards, {key: (cost.calls, cost.points) for key, cost in costs.items()})
        return [
            self._report(plan, live.get(plan.key), ways[plan.key], cost, projection)
            for plan, cost in zip(planned.boards, projection.boards, strict=True)
        ]

    def _ways(self, plans: Sequence[BoardPlan], *, full: bool = False) -> dict[str, ReadAll | Resume]:
        """Of each board, whether all of it or only its changes will be read."""
        live, marks = self._live(), self.ledger.watermarks(self.destination.identity, self.namespace)
        now, policy = self.clock.now(), self._policy(full=full)
        return {
            plan.key: ReadAll() if self._test else decide(plan, live.get(plan.key), marks.get(plan.key), now, policy)
            for plan in plans
        }

    def _report(
        self,
        plan: BoardPlan,
        live: Generation | None,
        way: ReadAll | Resume,
        cost: BoardProjection,
        projection: Projection,
    ) -> BoardReport:
        return BoardReport(
            plan=plan,
            live=live,
            changes=self._changes(plan, live),
            calls=cost.calls,
            points=cost.points,
            since=way.mark.at if isinstance(way, Resume) else None,
            reason=way.reason if isinstance(way, ReadAll) else "",
            replacements=tuple(self.destination.replacements(plan.key, plan.group.tables, plan.replace)),
            seconds=cost.seconds,
            day_share=projection.day_share(cost.calls),
        )

    def project(self, plans: Sequence[BoardPlan], known: Mapping[str, tuple[int, int]] | None = None) -> Projection:
        """What reading these boards will cost, from here on; `known` are calls and points by board id."""
        return self._account.project(plans, known or {})

    @cached_property
    def _account(self) -> AccountReader:
        """The account as all its readers share it, from the first use until the app is closed."""
        limit = TEST_ITEMS if self._test else None
        reader = AccountReader(self.client, self.ledger, self.clock, self.progress, self.loaded, limit)
        self._open.callback(self.client.budget.close)
        return reader

    def _refuse_impossible(self) -> None:
        """Raise ConfigError when boardlift.yaml asks for a way of replacing that the engine does not have."""
        settings, can = self.loaded.settings, self.destination.capabilities
        asked = {settings.defaults.replace, *(board.replace for board in settings.boards)}
        if Replace.IN_PLACE.value in asked and not can.in_place:
            raise ConfigError(
                f"boardlift.yaml says `replace: in_place`, which {can.engine} does not offer: {can.swap}",
                hint="take it out; docs/reference/destinations.md says what a swap keeps",
            )

    def _live(self) -> dict[str, Generation]:
        return {g.group: g for g in self.destination.generations() if g.state is State.LIVE}

    def _changes(self, plan: BoardPlan, live: Generation | None) -> tuple[Change, ...]:
        if live is None:
            return ()
        before = self.ledger.shapes(self.destination.identity, self.namespace, plan.key, live.number)
        return tuple(compare(before, plan.group.tables)) if before is not None else ()

    def commits(self, reports: Sequence[BoardReport]) -> int:
        """How many commits a sync of these boards would take."""
        return count_commits(
            [
                Part(
                    each.plan.key,
                    frozenset(table.name for table in each.plan.group.tables),
                    frozenset(table.name for table in (each.live.tables if each.live else ())),
                    each.plan.replace,
                )
                for each in reports
            ],
            self.destination,
        )

    # -- sync ------------------------------------------------------------------------------------------------------

    def sync(
        self,
        wanted: Sequence[str] = (),
        overrides: Mapping[str, str] | None = None,
        *,
        fit: bool = False,
        full: bool = False,
    ) -> RunReport:
        """Bring the boards over and make them live in one commit. On any failure production is unchanged.

        `full` has incremental boards read in full, too. A board that cannot be read is told in the report and stays as
        it is. Raises DailyLimitReached, before the first page, when today's calls do not suffice; with `fit` only when
        they suffice for no board, else those that do not fit are left out.
        """
        settings = self.loaded.settings
        self._refuse_impossible()
        options = Options(
            manner=Manner(
                threads=settings.account.parallel_calls,
                page_size=settings.account.page_size,
                limit=TEST_ITEMS if self._test else None,
                prefer=settings.account.prefer,
            ),
            max_shrink=settings.defaults.max_shrink,
            policy=self._policy(full=full),
            overrides=overrides or {},
        )

        def work(run: Run, settled: list[str]) -> RunReport:
            started = self.clock.monotonic()
            self._account.join("boardlift sync")
            live = self._live()
            planned, projection, left_out = self._fitted(wanted, live, fit=fit, full=full)
            changes = {plan.key: self._changes(plan, live.get(plan.key)) for plan in planned.boards}
            try:
                done = sync(run.id, planned.boards, self._parts(run), options)
            except BoardMoved:
                self.progress.phase("again", "a board changed its shape while it was read")
                self.destination.drop_staged()
                planned, projection, left_out = self._fitted(wanted, live, fit=fit, full=full)
                done = sync(run.id, planned.boards, self._parts(run), options)
            settled += self._retained([plan.key for plan in planned.boards])
            stats = self.client.stats()
            self._account.keep_measures()
            return RunReport(
                run=self.ledger.finish_run(run.id, RunStatus.SUCCEEDED),
                boards=done.boards,
                failed=done.failed,
                outcome=done.promoted.outcome,
                changes=changes,
                places={t.name: self.place(t.name) for plan in planned.boards for t in plan.group.tables},
                settled=tuple(settled),
                seconds=self.clock.monotonic() - started,
                calls=stats.calls,
                points=stats.points,
                projection=projection,
                left_out=left_out,
            )

        return self._run(RunKind.TEST if self._test else RunKind.SYNC, "boardlift sync", work)

    def _policy(self, *, full: bool = False) -> Policy:
        said = self.loaded.settings.defaults
        return Policy(timedelta(seconds=said.overlap), said.reconcile, said.sweep, said.max_deletes, full)

    def _fitted(
        self, wanted: Sequence[str], live: Mapping[str, Generation], *, fit: bool, full: bool
    ) -> tuple[Planned, Projection, tuple[str, ...]]:
        planned = self._planned(wanted)
        ways = self._ways(planned.boards, full=full)
        known = {key: FEW_CHANGES for key, way in ways.items() if isinstance(way, Resume)}
        return self._account.fitted(planned, live, known, fit=fit)

    def _retained(self, groups: Sequence[str]) -> list[str]:
        """Drop what is too old. The data is live by now; a table that cannot be dropped is no reason to fail."""
        try:
            retain(self.destination, groups, self.loaded.settings.defaults.keep_generations)
        except DestinationError as error:
            return [f"Old generations could not be dropped: {error.message} The next run tries again."]
        return []

    def _planned(self, wanted: Sequence[str]) -> Planned:
        self.progress.phase("planning")
        planned = plan_boards(self.client, self.loaded.settings, self.ledger, wanted)
        remember(planned, self.ledger)
        return planned

    def _parts(self, run: Run) -> Parts:
        version = self.loaded.settings.account.api_version
        folder = self.loaded.state_folder / "spool"
        spool = SpoolRun.open(folder, run.id, api_version=version, clock=self.clock, earlier=self._interrupted(run))
        self._spool = spool
        dialect = Dialect(self.ledger.about(self.loaded.settings.account.url))
        return Parts(self.client, self.destination, self.ledger, spool, self.clock, self.progress, dialect)

    def _interrupted(self, run: Run) -> list[str]:
        """The runs that were cut off since the last one that succeeded, youngest first: what they read is still new."""
        found = []
        for earlier in self.ledger.runs(limit=10):
            if (earlier.kind, earlier.destination, earlier.namespace) != (run.kind, run.destination, run.namespace):
                continue
            if earlier.status is RunStatus.SUCCEEDED:
                break
            if earlier.id != run.id and earlier.status in {RunStatus.FAILED, RunStatus.CRASHED}:
                found.append(earlier.id)
        return found

    # -- check -----------------------------------------------------------------------------------------------------

    def check(self, wanted: Sequence[str] = ()) -> list[CheckResult]:
        """Hold every live table against the catalogue and against monday. Changes nothing."""
        results: list[CheckResult] = []
        for report in self.plan(wanted):
            if report.live is None:
                results.append(CheckResult("live", report.plan.table, False, "not there", "a live generation"))
                continue
            results += check_live(self.destination, report.live, report.plan.group.main)
            counted = report.plan.board.items_count
            results.append(
                CheckResult(
                    check="fresh",
                    table=report.plan.table,
                    passed=counted is None or self._test or counted == report.live.rows,
                    measured=f"{report.live.rows} rows",
                    expected=f"{counted} items as monday counts them",
                )
            )
            results.append(
                CheckResult(
                    check="shape",
                    table=report.plan.table,
                    passed=not report.changes,
                    measured="; ".join(str(change) for change in report.changes) or "the same",
                    expected="the same columns as on the board",
                )
            )
        return results

    # -- rollback --------------------------------------------------------------------------------------------------

    def rollback(self, groups: Sequence[str], number: int | None, *, forward: bool) -> tuple[list[Target], SwapOutcome]:
        """Make kept generations live again, all in one commit."""

        if not groups:
            raise self._nothing_live()

        def work(run: Run, _settled: list[str]) -> tuple[list[Target], SwapOutcome]:
            targets = choose(self.destination, groups, number, forward=forward)
            outcome = roll_back(run.id, targets, self.destination, self.ledger)
            self.ledger.finish_run(run.id, RunStatus.SUCCEEDED)
            return targets, outcome

        return self._run(RunKind.ROLLBACK, "boardlift rollback", work)

    def groups(self, wanted: Sequence[str]) -> list[str]:
        """Board ids of the stored table groups with these ids or table names; all of them for none.

        Raises ConfigError for a word that fits nothing.
        """
        stored = self._live()
        if not wanted:
            return list(stored)
        found = []
        for word in wanted:
            matches = [key for key, g in stored.items() if word in (key, g.tables[0].name)]
            if not matches:
                raise ConfigError(
                    f"No table called {word!r} is live in {self.namespace}.",
                    hint="`boardlift generations` lists boards and tables",
                )
            found += matches
        return list(dict.fromkeys(found))

    def rehearse(
        self, groups: Sequence[str], number: int | None, *, forward: bool, announce: Callable[[str, int], None]
    ) -> Rehearsal:
        """Do a rollback on a copy beside the live tables and compare what comes of it. Nothing live changes.

        `announce` is told, before the first byte is copied, the namespace of the copy and how many bytes there are.
        """
        if not groups:
            raise self._nothing_live()
        live = self.destination
        namespace = rehearsal_namespace(live)
        holder = Holder.here("boardlift rollback --rehearse")
        with self.ledger.lease(live.identity, self.namespace, holder), live.lease(str(holder)):
            targets = choose(live, groups, number, forward=forward)
            tables = shapes_of(
                targets, lambda group, number: self.ledger.shapes(live.identity, self.namespace, group, number)
            )
            announce(namespace, bytes_to_copy(live, targets))
            ways = {
                group: replace_of(self.loaded.settings, group, self.ledger.labels(group).get("", ""))
                for group in groups
            }
            there = open_destination(self.loaded.destination.reveal(), namespace)
            with closing(there):
                return rehearse(targets, tables, ways, live, there, self.clock)

    def _nothing_live(self) -> PromotionConflict:
        return PromotionConflict(
            f"No table is live in {self.namespace} of {self.destination.identity}, so there is nothing to roll back. "
            f"{UNCHANGED}",
            hint="run `boardlift sync` first, or name the right file with --config",
        )

    def sizes(self) -> dict[tuple[str, int], int]:
        """Bytes of each stored generation; empty before the first run."""
        return self.destination.sizes() if self.destination.generations() else {}

    # -- the frame of everything that writes ---------------------------------------------------------------------

    def _run(self, kind: RunKind, command: str, work: Callable[[Run, list[str]], T]) -> T:
        """Hold the leases, settle what a crash left, and record how the work ended, whatever happens."""
        holder = Holder.here(command)
        truth = UNCHANGED
        try:
            destination, ledger = self.destination, self.ledger
            with ledger.lease(destination.identity, self.namespace, holder), destination.lease(str(holder)):
                destination.prepare()
                ledger.abandon_dead_runs()
                settled = settle(destination, ledger)
                destination.drop_staged()
                run = ledger.start_run(kind, destination.identity, self.namespace, str(holder))
                try:
                    result = work(run, settled)
                except BaseException as error:
                    truth = self._failed(run, error)
                    raise
                finally:
                    self._sweep()
                truth = SWAPPED
                return result
        except BaseException as error:
            if is_interrupt(error):
                raise Interrupted(f"Interrupted from the keyboard. {truth}", hint="run the command again") from error
            if isinstance(error, BoardliftError):
                error.conclude(truth)
            raise

    def _sweep(self) -> None:
        """Old spools are no reason to call a run failed; the next one tries again."""
        try:
            prune(self.loaded.state_folder / "spool", KEPT_SPOOLS)
        except BoardliftError as error:
            self.progress.phase("old spools stay", error.message)

    def _failed(self, run: Run, error: BaseException) -> str:
        """Record how the run ended. Returns what is true of production now, for the person who reads the error."""
        status = RunStatus.BLOCKED if isinstance(error, CheckFailed) else RunStatus.FAILED
        message = error.message if isinstance(error, BoardliftError) else f"{type(error).__name__}: {error}"
        if is_interrupt(error):
            message = "interrupted from the keyboard"
        try:
            if self._spool is not None and not isinstance(error, SourceError) and not is_interrupt(error):
                self._spool.void()
            settle(self.destination, self.ledger)
            self.ledger.finish_run(run.id, status, message)
            self.destination.drop_staged()
        except BoardliftError:
            # The first error is the one to tell; what is left behind is swept by the next run.
            pass
        return self._truth(run)

    def _truth(self, run: Run) -> str:
        try:
            promotion = self.ledger.run(run.id).promotion
        except BoardliftError:
            return UNKNOWN_SWAP
        if promotion is None or promotion.outcome is Outcome.ABANDONED:
            return UNCHANGED
        if promotion.outcome is not Outcome.PROMOTED:
            return UNKNOWN_SWAP
        done = count_live(self.destination, promotion.groups)
        return in_part(done, len(promotion.groups)) if done and done < len(promotion.groups) else SWAPPED
