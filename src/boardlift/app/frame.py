"""The frame of everything that writes: leases, what a crash left, and how the work ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from boardlift.app.opened import Opened
from boardlift.errors import (
    SWAPPED,
    UNCHANGED,
    UNKNOWN_SWAP,
    BoardliftError,
    CheckFailed,
    Interrupted,
    SourceError,
    is_interrupt,
)
from boardlift.ledger import Holder, Outcome, Run, RunKind, RunStatus
from boardlift.load.commits import in_part
from boardlift.load.promote import settle
from boardlift.spool.run import prune

KEPT_SPOOLS = 2

T = TypeVar("T")


def framed(app: Opened, kind: RunKind, command: str, work: Callable[[Run, list[str]], T]) -> T:
    """Hold the leases, settle what a crash left, and record how the work ended, whatever happens.

    `work` is given the run and, to add to, what was settled of the run before; its result is ours.
    """
    holder = Holder.here(command)
    truth = UNCHANGED
    try:
        destination, ledger = app.destination, app.ledger
        with ledger.lease(destination.identity, app.namespace, holder), destination.lease(str(holder)):
            destination.prepare()
            ledger.abandon_dead_runs()
            settled = settle(destination, ledger)
            destination.drop_staged()
            run = ledger.start_run(kind, destination.identity, app.namespace, str(holder))
            try:
                result = work(run, settled)
            except BaseException as error:
                truth = _failed(app, run, error)
                raise
            finally:
                _sweep(app)
            truth = SWAPPED
            return result
    except BaseException as error:
        if is_interrupt(error):
            raise Interrupted(f"Interrupted from the keyboard. {truth}", hint="run the command again") from error
        if isinstance(error, BoardliftError):
            error.conclude(truth)
        raise


def _sweep(app: Opened) -> None:
    """Old spools are no reason to call a run failed; the next one tries again."""
    try:
        prune(app.loaded.state_folder / "spool", KEPT_SPOOLS)
    except BoardliftError as error:
        app.progress.phase("old spools stay", error.message)


def _failed(app: Opened, run: Run, error: BaseException) -> str:
    """Record how the run ended. Returns what is true of production now, for the person who reads the error."""
    status = RunStatus.BLOCKED if isinstance(error, CheckFailed) else RunStatus.FAILED
    message = error.message if isinstance(error, BoardliftError) else f"{type(error).__name__}: {error}"
    if is_interrupt(error):
        message = "interrupted from the keyboard"
    try:
        if app.spool is not None and not isinstance(error, SourceError) and not is_interrupt(error):
            app.spool.void()
        settle(app.destination, app.ledger)
        app.ledger.finish_run(run.id, status, message)
        app.destination.drop_staged()
    except BoardliftError:
        # The first error is the one to tell; what is left behind is swept by the next run.
        pass
    return _truth(app, run)


def _truth(app: Opened, run: Run) -> str:
    try:
        promotion = app.ledger.run(run.id).promotion
    except BoardliftError:
        return UNKNOWN_SWAP
    if promotion is None or promotion.outcome is Outcome.ABANDONED:
        return UNCHANGED
    if promotion.outcome is not Outcome.PROMOTED:
        return UNKNOWN_SWAP
    boards = len(promotion.groups)
    return in_part(boards - len(promotion.left), boards) if promotion.left else SWAPPED
