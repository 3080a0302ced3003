"""The loop: waits for a burst to be over, syncs the boards that are dirty, one sync at a time, and never gives up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from boardlift.clock import Clock
from boardlift.errors import BoardliftError, NotConfigured, is_interrupt
from boardlift.ledger import Ledger, Touched
from boardlift.listen.pace import LONGEST_FOR_LEASE, Burst, Retries, concerns_all
from boardlift.listen.status import Status, Sync
from boardlift.reports import RunReport

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

TICK_SECONDS = 0.5
"""Windows does not let Ctrl-C into a wait, so no wait is longer."""
LOOK_SECONDS = 15.0
"""How often the ledger is asked while boards are dirty: a sync of another process may have brought them over."""
REMEMBERED = timedelta(days=2)
"""How long a delivery is remembered. monday.com repeats one for half an hour (API page "Webhooks")."""
FORGET_SECONDS = 3600.0
FIRST_WAIT_FOR_PASS = 60.0


@dataclass(frozen=True)
class Rhythm:
    """Seconds. `every` is the time between passes over all boards; None leaves them to somebody else."""

    quiet: float = 2.0
    at_most: float = 15.0
    every: float | None = None


class Listener:
    """Keeps the tables of one destination and namespace close behind the webhooks.

    `sync` brings boards over, all for none, as `boardlift sync` does; it raises what that raises. `ignore` is told of a
    board that boardlift.yaml does not choose.
    """

    def __init__(
        self,
        ledger: Ledger,
        place: tuple[str, str],
        sync: Callable[[Sequence[str]], RunReport],
        ignore: Callable[[str], None],
        *,
        rhythm: Rhythm,
        clock: Clock,
        status: Status,
        log: FilteringBoundLogger,
    ) -> None:
        self._ledger, self._place, self._bring, self._ignore = ledger, place, sync, ignore
        self._rhythm, self._clock, self._status, self._log = rhythm, clock, status, log
        self._burst = Burst(rhythm.quiet, rhythm.at_most)
        self._retries = Retries()
        self._wake = threading.Condition()
        self._dirty: list[str] = []
        self._look_at = self._forget_at = 0.0
        self._pass_at: float | None = None
        self._failed_passes = 0

    # -- told by other threads -------------------------------------------------------------------------------------

    def record(self, events: Sequence[Touched]) -> list[bool]:
        """Write events to the ledger. See `Ledger.mark_dirty`."""
        return self._ledger.mark_dirty(*self._place, events)

    def noticed(self, boards: Sequence[str]) -> None:
        """These boards have just been marked dirty in the ledger."""
        with self._wake:
            self._burst.event(self._clock.monotonic())
            self._status.marked(boards)
            self._wake.notify()

    # -- the loop --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Go on until interrupted: Interrupted or KeyboardInterrupt is raised then, and what is dirty stays so."""
        now = self._clock.monotonic()
        self._plan_first_pass(now)
        self._look()
        if self._dirty:
            self._log.info("left_over", boards=len(self._dirty))
            self._again(now)
        while True:
            try:
                until = self._step(self._clock.monotonic())
            except BoardliftError as error:
                if is_interrupt(error):
                    raise
                # The ledger itself is in the way; what it holds is safe.
                now = self._clock.monotonic()
                wait = self._retries.pause(now, LONGEST_FOR_LEASE)
                self._log.warning("ledger_failed", error=error.message, again_in=wait)
                self._status.ledger_failed()
                self._again(now)
                until = now + wait
            self._wait(until)

    def _again(self, now: float) -> None:
        """Let all that is dirty be tried as soon as nothing stands against it."""
        with self._wake:
            self._burst.overdue(now)

    def _plan_first_pass(self, now: float) -> None:
        if self._rhythm.every is not None:
            last = self._ledger.last_full_pass(*self._place)
            ago = (self._clock.now() - last).total_seconds() if last else self._rhythm.every
            self._pass_at = now + min(self._rhythm.every, max(0.0, self._rhythm.every - ago))

    def _wait(self, until: float) -> None:
        """Until then, or until a burst is over if that is sooner."""
        with self._wake:
            while True:
                due = self._burst.due
                target = until if due is None else min(until, max(due, self._retries.paused_until))
                left = target - self._clock.monotonic()
                if left <= 0:
                    return
                self._wake.wait(min(left, TICK_SECONDS))

    def _step(self, now: float) -> float:
        """Do what is due now. out: the moment something may be due next."""
        if now < self._retries.paused_until:
            return self._retries.paused_until
        if self._pass_at is not None and now >= self._pass_at:
            self._pass_over_all(now)
            return now
        if now >= self._forget_at:
            self._ledger.forget_deliveries(self._clock.now() - REMEMBERED)
            self._forget_at = now + FORGET_SECONDS
        due = self._burst.due
        over = due is not None and now >= due
        if over:
            with self._wake:
                self._burst.taken()
        if over or now >= self._look_at:
            self._look()
        together = self._retries.healthy(self._dirty) if over else []
        alone = self._retries.ripe(self._dirty, now)
        if together or alone:
            self._sync(together or [alone or ""])
            return now
        return min(
            each
            for each in (due if not over else None, self._pass_at, self._retries.next_ripe(self._dirty), self._look_at)
            if each is not None
        )

    def _look(self) -> None:
        """Read what is dirty, without what any sync has brought over since."""
        # Held so that a board which is marked meanwhile is either read here or noticed after.
        with self._wake:
            if found := self._ledger.dirty_boards(*self._place):
                self._ledger.settle_dirty(*self._place)
                found = self._ledger.dirty_boards(*self._place)
            self._dirty = [board.board_id for board in found]
            self._status.dirty({board.board_id: board.since for board in found})
        self._look_at = self._clock.monotonic() + LOOK_SECONDS

    def _pass_over_all(self, now: float) -> None:
        every = self._rhythm.every or 0.0
        with self._wake:
            self._burst.taken()
        if report := self._sync(()):
            self._ledger.record_full_pass(*self._place, report.run.id)
            self._failed_passes = 0
            self._pass_at = now + every
            return
        self._failed_passes += 1
        now = self._clock.monotonic()
        self._pass_at = now + min(every, FIRST_WAIT_FOR_PASS * 2 ** min(self._failed_passes - 1, 10))
        self._log.info("pass_failed", again_in=round(self._pass_at - now, 1))
        self._again(now)

    def _sync(self, boards: Sequence[str]) -> RunReport | None:
        """Bring boards over, all for none. None when that failed; when to try again has been noted."""
        began = self._clock.monotonic()
        self._log.info("sync", boards=" ".join(boards) or "all")
        try:
            report = self._bring(boards)
        except Exception as error:
            if is_interrupt(error):
                raise
            if isinstance(error, NotConfigured) and len(boards) == 1:
                self._give_up(boards[0])
            else:
                self._failed(boards, error, began)
            return None
        self._clean(boards, report)
        seconds = self._clock.monotonic() - began
        self._status.synced(Sync(self._clock.now(), len(boards), seconds, ""))
        self._log.info(
            "synced",
            boards=" ".join(boards) or "all",
            run=report.run.id,
            seconds=round(seconds, 3),
            calls=report.calls,
            points=report.points,
        )
        self._look()
        return report

    def _clean(self, boards: Sequence[str], report: RunReport) -> None:
        """Forget the dirt that the run has brought over.

        A dirty board that was asked for beside others and is not in the report (one that is no longer in
        boardlift.yaml, say) is asked for alone next: that tells whether it can be synced at all.
        """
        asked = boards or [board.board_id for board in self._ledger.dirty_boards(*self._place)]
        brought = {result.record.board_id for result in report.boards}
        failed = {failure.plan.key: failure.error for failure in report.failed}
        done = [board for board in asked if board not in failed and (board in brought or len(boards) == 1)]
        self._ledger.clean(*self._place, report.run.id, done)
        self._retries.succeeded(done)
        now = self._clock.monotonic()
        self._retries.suspect((board for board in asked if board not in done and board not in failed), now)
        for board, error in failed.items():
            again = {"again_in": round(self._retries.board_failed(board, now), 1)} if board in asked else {}
            self._log.warning("board_failed", board=board, error=error.message, **again)

    def _give_up(self, board: str) -> None:
        """Nothing can be synced under this id: it was taken out of boardlift.yaml, or holds somebody's subitems."""
        self._ledger.drop_dirty(*self._place, board)
        self._retries.succeeded([board])
        self._ignore(board)
        self._status.count("not_configured")
        self._log.warning("not_configured", board=board, hint="a sync of all boards brings over whatever is chosen")
        self._look()

    def _failed(self, boards: Sequence[str], error: Exception, began: float) -> None:
        now = self._clock.monotonic()
        wait = self._retries.failed(boards, error, now)
        if concerns_all(error):
            self._again(now)
        self._status.synced(Sync(self._clock.now(), len(boards), now - began, type(error).__name__))
        message = error.message if isinstance(error, BoardliftError) else f"{type(error).__name__}: {error}"
        self._log.warning("sync_failed", boards=" ".join(boards) or "all", error=message, again_in=round(wait, 1))
