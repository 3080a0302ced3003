"""`boardlift plan`: what a sync would change, and what it would cost."""

from __future__ import annotations

from collections.abc import Callable

import typer

from boardlift.cli.errors import FAILED
from boardlift.cli.options import AsJson, Boards, Config, Debug, Test, open_app, read_settings
from boardlift.cli.output import emit, say, show
from boardlift.projection import Projection, part
from boardlift.reports import BoardReport
from boardlift.words import count

COLUMNS = ("board", "table", "items", "columns", "tables", "generation", "calls", "points", "minutes", "day", "changes")
WAY_COLUMNS = ("tables", "way", "why")


def plan(
    boards: Boards = None, config: Config = None, test: Test = False, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Show what a sync would change, how each table goes live, and how many calls it takes. Changes nothing.

    Exit code 1 if something stands in the way of a table, which a sync would refuse to lose, or if today's calls do
    not suffice.

    Example: boardlift plan
    """
    with open_app(read_settings(config), test=test) as app:
        reports = app.plan(boards or [])
        by_changes = {report.plan.key: (report.calls, report.points) for report in reports if report.since}
        projection = app.project([report.plan for report in reports], by_changes)
        namespace, place = app.namespace, app.place
        commits = app.commits(reports)
    stopped = not projection.fits or any(each.obstacles for report in reports for each in report.replacements)
    if as_json:
        emit(
            {
                "namespace": namespace,
                "commits": commits,
                "projection": projection_document(projection),
                "boards": [as_document(report, place) for report in reports],
            }
        )
    else:
        show("", [_row(report, place) for report in reports], COLUMNS, right=COLUMNS[2:])
        show("", _ways(reports), WAY_COLUMNS)
        _tell_boards(reports)
        _tell_replacements(reports, place)
        _tell_run(len(reports), commits, projection)
    if stopped:
        raise typer.Exit(FAILED)


def _row(report: BoardReport, place: Callable[[str], str]) -> dict[str, object]:
    return {
        "board": report.plan.board.name,
        "table": place(report.plan.table),
        "items": report.plan.board.items_count,
        "columns": len(report.plan.group.main.columns),
        "tables": len(report.plan.group.tables),
        "generation": (report.live.number if report.live else 0) + 1,
        "calls": report.calls,
        "points": report.points,
        "minutes": f"{report.seconds / 60:.1f}",
        "day": "" if report.day_share is None else part(report.day_share),
        "changes": len(report.changes) if report.live else "new",
    }


def _tell_boards(reports: list[BoardReport]) -> None:
    for report in reports:
        if report.since:
            say(
                f"incremental: {report.plan.table}: what has changed since {report.since:%Y-%m-%d %H:%M:%S} UTC is read"
            )
        elif report.reason:
            say(f"read in full: {report.plan.table}: {report.reason}")
        if report.manner:
            say(f"pages: {report.plan.table}: {report.manner}")
        for change in report.changes:
            say(f"change: {change}")
        for column in report.plan.unknown:
            say(f"unknown: {report.plan.table}: column {column.id} has the type {column.type!r}; it becomes JSON")
        for column in report.plan.unreadable:
            say(
                f"skipped: {report.plan.table}: column {column.id} ({column.title!r}): "
                f"the API does not give {column.type}"
            )


def _tell_replacements(reports: list[BoardReport], place: Callable[[str], str]) -> None:
    for replacement in (each for report in reports for each in report.replacements):
        for carried in replacement.carried:
            say(f"kept: {place(replacement.table)}: {carried}")
        for obstacle in replacement.obstacles:
            say(f"obstacle: {place(replacement.table)}: {obstacle}")


def _tell_run(boards: int, commits: int, projection: Projection) -> None:
    if commits > 1:
        say(f"swap: the boards would go live in about {commits} commits, each of whole boards, lest readers wait long")
    say(f"{count(boards, 'board')}, {projection}. Nothing was changed.")
    if not projection.fits:
        say(
            f"obstacle: {projection.calls_left:,} of the {projection.calls_day:,} calls of today are left; "
            "`boardlift sync --fit` would lift the boards that fit"
        )


def projection_document(projection: Projection) -> dict[str, object]:
    """What a run is expected to cost, as plain values."""
    share = projection.day_share(projection.calls)
    return {
        "calls": projection.calls,
        "points": projection.points,
        "minutes": round(projection.seconds / 60, 2),
        "day_share": None if share is None else round(share, 5),
        "calls_day": projection.calls_day,
        "calls_left_today": projection.calls_left,
        "fits": projection.fits,
    }


def _ways(reports: list[BoardReport]) -> list[dict[str, object]]:
    """Each table with its way; tables of a board that go the same way for the same reason share a line."""
    rows: list[dict[str, object]] = []
    for report in reports:
        together: dict[tuple[str, str], list[str]] = {}
        for each in report.replacements:
            together.setdefault((each.way.value, each.why), []).append(each.table)
        rows += [{"tables": names, "way": way, "why": why} for (way, why), names in together.items()]
    return rows


def as_document(report: BoardReport, place: Callable[[str], str]) -> dict[str, object]:
    """One board of the plan as plain values."""
    return {
        "board_id": report.plan.key,
        "board_name": report.plan.board.name,
        "table": place(report.plan.table),
        "items": report.plan.board.items_count,
        "live_generation": report.live.number if report.live else None,
        "mode": "incremental" if report.since else "full",
        "since": report.since,
        "reason": report.reason,
        "pages": report.manner,
        "calls": report.calls,
        "points": report.points,
        "minutes": round(report.seconds / 60, 2),
        "day_share": None if report.day_share is None else round(report.day_share, 5),
        "changes": [str(change) for change in report.changes],
        "refresh": {column.source.id: column.family.refresh.value for column in report.plan.columns},
        "unknown_types": [f"{column.id} ({column.type})" for column in report.plan.unknown],
        "not_readable": [f"{column.id} ({column.type})" for column in report.plan.unreadable],
        "excluded": [column.id for column in report.plan.excluded],
        "replace": report.plan.replace.value,
        "replacements": [
            {
                "table": place(each.table),
                "way": each.way.value,
                "why": each.why,
                "carried": list(each.carried),
                "obstacles": list(each.obstacles),
            }
            for each in report.replacements
        ],
        "tables": [
            {
                "name": table.name,
                "key": list(table.key),
                "indexes": [{"columns": list(i.columns), "unique": i.unique} for i in table.indexes],
                "columns": [{"name": c.name, "type": str(c.type), "label": c.label} for c in table.columns],
            }
            for table in report.plan.group.tables
        ],
    }
