"""What a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from boardlift.app.opened import Opened
from boardlift.destinations.interface import Generation, Replace
from boardlift.errors import ConfigError
from boardlift.incremental.decide import Policy, ReadAll, Resume, decide
from boardlift.incremental.forecast import forecast
from boardlift.load.commits import Part
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.planning import plan_boards
from boardlift.projection import BoardProjection, Projection
from boardlift.reports import BoardReport
from boardlift.shape.change import Change, compare


def plan_sync(app: Opened, wanted: Sequence[str] = ()) -> list[BoardReport]:
    """What a sync of these boards would do. Changes nothing, neither here nor there."""
    refuse_impossible(app)
    app.account.join("boardlift plan")
    listed = app.account.take_list()
    planned = plan_boards(app.client, app.loaded.settings, app.ledger, wanted, listed=listed)
    live, ways = app.live(), ways_to_read(app, planned.boards)
    costs = forecast(app.client, planned.boards, ways, app.loaded.settings.account.page_size)
    projection = app.account.project(planned.boards, {key: (cost.calls, cost.points) for key, cost in costs.items()})
    return [
        _report(app, plan, live.get(plan.key), ways[plan.key], cost, projection)
        for plan, cost in zip(planned.boards, projection.boards, strict=True)
    ]


def part_of(report: BoardReport) -> Part[str]:
    """The tables of a planned board and those it has live, for whoever counts commits."""
    return Part(
        report.plan.key,
        frozenset(table.name for table in report.plan.group.tables),
        frozenset(table.name for table in (report.live.tables if report.live else ())),
        report.plan.replace,
    )


def ways_to_read(app: Opened, plans: Sequence[BoardPlan], *, full: bool = False) -> dict[str, ReadAll | Resume]:
    """Of each board, whether all of it or only its changes will be read."""
    live, marks = app.live(), app.ledger.watermarks(app.destination.identity, app.namespace)
    now, policy = app.clock.now(), policy_of(app, full=full)
    return {
        plan.key: ReadAll() if app.test else decide(plan, live.get(plan.key), marks.get(plan.key), now, policy)
        for plan in plans
    }


def policy_of(app: Opened, *, full: bool = False) -> Policy:
    """What boardlift.yaml says of incremental boards; `full` has them read in full this once."""
    said = app.loaded.settings.defaults
    return Policy(timedelta(seconds=said.overlap), said.reconcile, said.sweep, said.max_deletes, full)


def refuse_impossible(app: Opened) -> None:
    """Raise ConfigError when boardlift.yaml asks for a way of replacing that the engine does not have."""
    settings, can = app.loaded.settings, app.destination.capabilities
    asked = {settings.defaults.replace, *(board.replace for board in settings.boards)}
    if Replace.IN_PLACE.value in asked and not can.in_place:
        raise ConfigError(
            f"boardlift.yaml says `replace: in_place`, which {can.engine} does not offer: {can.swap}",
            hint="take it out; docs/reference/destinations.md says what a swap keeps",
        )


def changes_of(app: Opened, plan: BoardPlan, live: Generation | None) -> tuple[Change, ...]:
    """How the tables of the board will differ in shape from the live ones; none before the first run."""
    if live is None:
        return ()
    before = app.ledger.shapes(app.destination.identity, app.namespace, plan.key, live.number)
    return tuple(compare(before, plan.group.tables)) if before is not None else ()


def _report(
    app: Opened,
    plan: BoardPlan,
    live: Generation | None,
    way: ReadAll | Resume,
    cost: BoardProjection,
    projection: Projection,
) -> BoardReport:
    return BoardReport(
        plan=plan,
        live=live,
        changes=changes_of(app, plan, live),
        calls=cost.calls,
        points=cost.points,
        since=way.mark.at if isinstance(way, Resume) else None,
        reason=way.reason if isinstance(way, ReadAll) else "",
        replacements=tuple(app.destination.replacements(plan.key, plan.group.tables, plan.replace)),
        seconds=cost.seconds,
        day_share=projection.day_share(cost.calls),
        manner=cost.manner,
    )
