"""Runs: when they began, what they did to each board, what was checked, how they ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from boardlift.clock import Clock
from boardlift.errors import BoardliftError, CheckResult
from boardlift.ledger.promotions import promotion_of
from boardlift.ledger.records import BoardCheck, BoardRecord, Event, Run, RunKind, RunStatus
from boardlift.ledger.running import Running
from boardlift.ledger.store import Part, Store


@dataclass(frozen=True)
class _CheckRow:
    board_id: str
    check: str
    table: str
    passed: int
    measured: str
    expected: str
    overridden: str


class Runs(Part):
    """The chapter of runs."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store, clock)
        self._running = Running(store.path.with_name(f"{store.path.name}.running"))

    def start_run(self, kind: RunKind, destination: str, namespace: str, holder: str) -> Run:
        """Begin a run under a new id that sorts by time, like `20261122T201530-4f2a`.

        `holder` says for people who runs it. The run counts as alive until it is finished or this process ends.
        Raises BoardliftError when the ledger cannot be written.
        """
        at = self._clock.now()
        with self._store.transaction():
            while self._find(run_id := f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"):
                pass
            self._running.begin(run_id)
            try:
                self._store.change(
                    "start_run",
                    run_id=run_id,
                    kind=kind,
                    destination=destination,
                    namespace=namespace,
                    holder=holder,
                    at=at,
                )
            except BaseException:
                self._running.end(run_id)
                raise
            return self._get(run_id)

    def finish_run(self, run_id: str, status: RunStatus, error: str = "") -> Run:
        """End a run, once; its final state comes back.

        Raises ValueError for `running`, BoardliftError when the run is unknown, has ended before, or would succeed with
        an unsettled promotion.
        """
        if not status.ended:
            raise ValueError("a run cannot be finished as running")
        with self._store.transaction():
            before = self._get(run_id)
            if before.status.ended:
                raise BoardliftError(
                    f"Run {run_id} has already ended as {before.status.value}.", hint="boardlift runs shows it"
                )
            self._store.change("finish_run", run_id=run_id, status=status, error=error, at=self._clock.now())
            after = self._get(run_id)
        self._running.end(run_id)
        return after

    def record_board(self, run_id: str, board: BoardRecord) -> None:
        """Write what the run did to a board; a later record of the same board replaces the earlier.

        Raises BoardliftError when the run is not running.
        """
        with self._store.transaction():
            self._store.change("record_board", run_id=run_id, at=self._clock.now(), **asdict(board))

    def record_checks(self, run_id: str, board_id: str, results: Sequence[CheckResult]) -> None:
        """Add check results, passed or not, with the reasons of those a person has overridden.

        Raises BoardliftError when the run is not running.
        """
        at = self._clock.now()
        with self._store.transaction():
            for result in results:
                self._store.change("record_check", run_id=run_id, board_id=board_id, at=at, **asdict(result))

    def runs(self, limit: int = 20) -> list[Run]:
        """The newest runs with all that was recorded, newest first."""
        with self._store.snapshot():
            return [self._complete(run) for run in self._store.rows("list_runs", Run, limit=limit)]

    def run(self, run_id: str) -> Run:
        """One run with all that was recorded. Raises BoardliftError when there is none of that id."""
        with self._store.snapshot():
            return self._get(run_id)

    def abandon_dead_runs(self, is_alive: Callable[[str], bool] | None = None) -> list[Run]:
        """End as crashed every run that is still `running` though its process is gone; these runs come back.

        `is_alive` judges by the holder's text; by default the run's own lock is asked, which needs no judgement.
        """
        running = self._store.rows("list_running", Run)
        dead = [
            run
            for run in running
            if not (is_alive(run.holder) if is_alive is not None else self._running.alive(run.id))
        ]
        return [ended for run in dead if (ended := self._crash(run.id))]

    def events(self, subject_id: str = "", limit: int = 100) -> list[Event]:
        """The newest lines of the history, newest first; of one run, board or lease when `subject_id` is given."""
        return self._store.rows("list_events", Event, subject_id=subject_id, limit=limit)

    def _crash(self, run_id: str) -> Run | None:
        with self._store.transaction():
            if self._get(run_id).status.ended:  # it finished while we were asking
                return None
            reason = "the process ended without finishing the run"
            self._store.change(
                "finish_run", run_id=run_id, status=RunStatus.CRASHED, error=reason, at=self._clock.now()
            )
            return self._get(run_id)

    def _find(self, run_id: str) -> Run | None:
        found = self._store.rows("get_run", Run, run_id=run_id)
        return found[0] if found else None

    def _get(self, run_id: str) -> Run:
        run = self._find(run_id)
        if run is None:
            raise BoardliftError(f"There is no run {run_id} in the ledger.", hint="boardlift runs lists them")
        return self._complete(run)

    def _complete(self, run: Run) -> Run:
        checks = self._store.rows("list_checks", _CheckRow, run_id=run.id)
        return replace(
            run,
            boards=tuple(self._store.rows("list_boards", BoardRecord, run_id=run.id)),
            checks=tuple(BoardCheck(row.board_id, _result(row)) for row in checks),
            promotion=promotion_of(self._store, run.id),
        )


def _result(row: _CheckRow) -> CheckResult:
    return CheckResult(row.check, row.table, bool(row.passed), row.measured, row.expected, row.overridden)
