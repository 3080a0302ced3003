"""A sync: the boards planned, fitted into what the account allows, brought over, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boardlift.app.frame import framed
from boardlift.app.opened import Opened
from boardlift.app.planning import changes_of, policy_of, refuse_impossible, ways_to_read
from boardlift.destinations.interface import Generation
from boardlift.errors import DestinationError
from boardlift.incremental.decide import Resume
from boardlift.incremental.forecast import assumed
from boardlift.ledger import Run, RunKind, RunStatus
from boardlift.load.retain import retain
from boardlift.monday.dialect import Dialect
from boardlift.monday.parallel import Manner
from boardlift.normalize.planning import Planned, plan_boards, remember
from boardlift.pipeline import BoardMoved, Options, Parts, sync
from boardlift.projection import Projection
from boardlift.reports import RunReport
from boardlift.shape.change import Change
from boardlift.spool.run import SpoolRun


@dataclass(frozen=True)
class Wish:
    """What was asked for: boards (all for none), checks to pass over with the reasons, whether boards that do not fit
    into today's calls may be left out, and whether incremental boards are read in full."""

    wanted: tuple[str, ...]
    overrides: Mapping[str, str]
    fit: bool
    full: bool


@dataclass(frozen=True)
class Fitted:
    """The boards that will be read, the changes of their tables' shape by board id, what reading will cost, and the
    names of the boards left out."""

    planned: Planned
    changes: Mapping[str, tuple[Change, ...]]
    projection: Projection
    left_out: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        return [plan.key for plan in self.planned.boards]


def sync_boards(app: Opened, wish: Wish) -> RunReport:
    """Bring the boards over and make them live in one commit. On any failure production is unchanged."""
    refuse_impossible(app)
    options = _options(app, wish)
    kind = RunKind.TEST if app.test else RunKind.SYNC
    return framed(app, kind, "boardlift sync", lambda run, settled: _work(app, run, settled, wish, options))


def _options(app: Opened, wish: Wish) -> Options:
    settings = app.loaded.settings
    return Options(
        manner=Manner(
            threads=settings.account.parallel_calls,
            page_size=settings.account.page_size,
            limit=app.limit,
            prefer=settings.account.prefer,
        ),
        max_shrink=settings.defaults.max_shrink,
        policy=policy_of(app, full=wish.full),
        overrides=wish.overrides,
    )


def _work(app: Opened, run: Run, settled: list[str], wish: Wish, options: Options) -> RunReport:
    started = app.clock.monotonic()
    app.account.join("boardlift sync")
    live = app.live()
    fitted = _fitted(app, wish, live)
    try:
        done = sync(run.id, fitted.planned.boards, _parts(app, run), options)
    except BoardMoved:
        app.progress.phase("again", "a board changed its shape while it was read")
        app.destination.drop_staged()
        fitted = _fitted(app, wish, live)
        done = sync(run.id, fitted.planned.boards, _parts(app, run), options)
    settled += done.settled
    settled += _retained(app, fitted.keys)
    stats = app.client.stats()
    app.account.keep_measures()
    return RunReport(
        run=app.ledger.finish_run(run.id, RunStatus.SUCCEEDED),
        boards=done.boards,
        failed=done.failed,
        outcome=done.promoted.outcome,
        changes=fitted.changes,
        places={t.name: app.place(t.name) for plan in fitted.planned.boards for t in plan.group.tables},
        settled=tuple(settled),
        seconds=app.clock.monotonic() - started,
        calls=stats.calls,
        points=stats.points,
        projection=fitted.projection,
        left_out=fitted.left_out,
    )


def _fitted(app: Opened, wish: Wish, live: Mapping[str, Generation]) -> Fitted:
    every = _planned(app, wish.wanted)
    ways = ways_to_read(app, every.boards, full=wish.full)
    size = app.loaded.settings.account.page_size
    known = {plan.key: assumed(plan, way, size) for plan in every.boards if isinstance(way := ways[plan.key], Resume)}
    planned, projection, left_out = app.account.fitted(every, live, known, fit=wish.fit)
    changes = {plan.key: changes_of(app, plan, live.get(plan.key)) for plan in planned.boards}
    return Fitted(planned, changes, projection, left_out)


def _planned(app: Opened, wanted: Sequence[str]) -> Planned:
    app.progress.phase("planning")
    listed = app.account.take_list()
    planned = plan_boards(app.client, app.loaded.settings, app.ledger, wanted, listed=listed)
    remember(planned, app.ledger)
    return planned


def _retained(app: Opened, groups: Sequence[str]) -> list[str]:
    """Drop what is too old. The data is live by now; a table that cannot be dropped is no reason to fail."""
    try:
        retain(app.destination, groups, app.loaded.settings.defaults.keep_generations)
    except DestinationError as error:
        return [f"Old generations could not be dropped: {error.message} The next run tries again."]
    return []


def _parts(app: Opened, run: Run) -> Parts:
    version = app.loaded.settings.account.api_version
    folder = app.loaded.state_folder / "spool"
    spool = SpoolRun.open(folder, run.id, api_version=version, clock=app.clock, earlier=_interrupted(app, run))
    app.spool = spool
    dialect = Dialect(app.ledger.about(app.loaded.settings.account.url))
    return Parts(app.client, app.destination, app.ledger, spool, app.clock, app.progress, dialect)


def _interrupted(app: Opened, run: Run) -> list[str]:
    """The runs that were cut off since the last one that succeeded, youngest first: what they read is still new."""
    found = []
    for earlier in app.ledger.runs(limit=10):
        if (earlier.kind, earlier.destination, earlier.namespace) != (run.kind, run.destination, run.namespace):
            continue
        if earlier.status is RunStatus.SUCCEEDED:
            break
        if earlier.id != run.id and earlier.status in {RunStatus.FAILED, RunStatus.CRASHED}:
            found.append(earlier.id)
    return found
