"""`boardlift sync`: bring boards over, check them, make them live in one commit."""

from __future__ import annotations

from typing import Annotated

import typer

from boardlift.cli.errors import hidden
from boardlift.cli.options import AsJson, Boards, Config, Debug, LogJson, Quiet, Test, open_app, read_settings
from boardlift.cli.output import count, emit, say, show, waited
from boardlift.cli.plan import projection_document
from boardlift.cli.progress import open_progress
from boardlift.load.validate import check_overrides
from boardlift.reports import RunReport

COLUMNS = ("board", "table", "rows", "columns", "generation", "seconds", "calls", "points")


def sync(
    boards: Boards = None,
    config: Config = None,
    test: Test = False,
    override: Annotated[
        list[str] | None,
        typer.Option("--override", help="Let this check's verdict not count (repeatable); needs --reason."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why the overrides are right; kept with the run.")] = "",
    fit: Annotated[
        bool,
        typer.Option("--fit", help="If today's calls do not suffice, lift the boards that fit and name the others."),
    ] = False,
    as_json: AsJson = False,
    log_json: LogJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Bring boards over, check them against monday, and make them live in one commit.

    Production is unchanged on any failure. A run that takes more calls than are left today is refused before its
    first page, unless --fit is given.

    Example: boardlift sync "Customer *" --test
    """
    overrides = check_overrides(override or [], reason)
    loaded = read_settings(config)
    with (
        open_progress(quiet=quiet, log_json=log_json, secrets=hidden()) as progress,
        open_app(loaded, test=test, progress=progress) as app,
    ):
        report = app.sync(boards or [], overrides, fit=fit)
        identity = app.destination.identity
    if as_json:
        emit(as_document(report))
        return
    show("", [{**board, "board": board["board_name"]} for board in board_documents(report)], COLUMNS, right=COLUMNS[2:])
    _tell(report, identity)


def as_document(report: RunReport) -> dict[str, object]:
    """The report as plain values."""
    return {
        "run": report.run.id,
        "status": report.run.status.value,
        "namespace": report.run.namespace,
        "seconds": round(report.seconds, 3),
        "calls": report.calls,
        "points": report.points,
        "swap": {
            "promoted_at": report.outcome.promoted_at,
            "attempts": report.outcome.attempts,
            "blocked_ms": round(report.outcome.blocked_ms, 3),
        },
        "settled": list(report.settled),
        "projection": projection_document(report.projection) if report.projection else None,
        "left_out": list(report.left_out),
        "boards": board_documents(report),
    }


def board_documents(report: RunReport) -> list[dict[str, object]]:
    """Each board of the run as plain values, the same for `--json` and for the table."""
    return [
        {
            "board_id": result.record.board_id,
            "board_name": result.record.board_name,
            "table": report.places[result.record.table],
            "rows": result.record.rows,
            "columns": result.record.columns,
            "generation": result.record.generation,
            "seconds": round(result.record.seconds, 3),
            "calls": result.record.calls,
            "points": result.record.points,
            "retries": result.record.retries,
            "quarantined": result.record.quarantined,
            "unknown_types": [f"{column.id} ({column.type})" for column in result.plan.unknown],
            "changes": [str(change) for change in report.changes.get(result.record.board_id, ())],
        }
        for result in report.boards
    ]


def _tell(report: RunReport, identity: str) -> None:
    for sentence in report.settled:
        say(sentence)
    for name in report.left_out:
        say(f"left out: board {name!r} does not fit into today's calls; its tables stay as they are")
    for result in report.boards:
        for change in report.changes.get(result.record.board_id, ()):
            say(f"changed: {change}")
        for column in result.plan.unknown:
            say(
                f"unknown: board {result.record.board_id}, column {column.id} ({column.title!r}) has the type "
                f"{column.type!r}, which this release does not know; it is lifted as JSON"
            )
        if result.record.quarantined:
            say(
                f"quarantine: {count(result.record.quarantined, 'value')} of {result.record.table} did not fit; see "
                f"{report.places[result.plan.quarantine.name]}"
            )
    rows = sum(result.record.rows for result in report.boards)
    say(
        f"{count(len(report.boards), 'board')}, {rows:,} rows live in {identity} after {report.seconds:.1f} s "
        f"({count(report.calls, 'call')}, {report.points:,} points); {waited(report.outcome.blocked_ms)}. "
        f"Run {report.run.id}."
    )
