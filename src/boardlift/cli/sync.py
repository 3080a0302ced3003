"""`boardlift sync`: bring boards over, check them, make them live in one commit."""

from __future__ import annotations

from typing import Annotated

import typer

from boardlift.cli.errors import FAILED, hidden
from boardlift.cli.options import AsJson, Boards, Config, Debug, LogJson, Quiet, Test, open_app, read_settings
from boardlift.cli.output import emit, say, show, waited
from boardlift.cli.plan import projection_document
from boardlift.cli.progress import open_progress
from boardlift.load.validate import check_overrides
from boardlift.reports import RunReport
from boardlift.words import count

COLUMNS = ("board", "table", "rows", "columns", "generation", "seconds", "calls", "points")
INCREMENTAL = (*COLUMNS, "mode", "added", "changed", "deleted")


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
    full: Annotated[
        bool, typer.Option("--full", help="Read boards in full that are otherwise read by their changes.")
    ] = False,
    as_json: AsJson = False,
    log_json: LogJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Bring boards over, check them against monday, and make them live in one commit.

    Production is unchanged on any failure, except that a board which cannot be read for a reason of its own stays as
    it is while the others go live; then the exit code is 1, too. A run that takes more calls than are left today is
    refused before its first page, unless --fit is given.

    Example: boardlift sync "Customer *" --test
    """
    overrides = check_overrides(override or [], reason)
    loaded = read_settings(config)
    with (
        open_progress(quiet=quiet, log_json=log_json, secrets=hidden()) as progress,
        open_app(loaded, test=test, progress=progress) as app,
    ):
        report = app.sync(boards or [], overrides, fit=fit, full=full)
        identity = app.destination.identity
    if as_json:
        emit(as_document(report))
        if report.failed:
            raise typer.Exit(FAILED)
        return
    columns = INCREMENTAL if any(result.plan.incremental for result in report.boards) else COLUMNS
    rows = [{**board, "board": board["board_name"]} for board in board_documents(report)]
    show("", rows, columns, right=[column for column in columns[2:] if column != "mode"])
    _tell(report, identity)
    if report.failed:
        raise typer.Exit(FAILED)


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
            "commits": report.outcome.commits,
        }
        if report.outcome
        else None,
        "settled": list(report.settled),
        "projection": projection_document(report.projection) if report.projection else None,
        "left_out": list(report.left_out),
        "failed": [
            {
                "board_id": each.plan.key,
                "board_name": each.plan.board.name,
                "error": each.error.message,
                "hint": each.error.hint,
            }
            for each in report.failed
        ],
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
            "mode": result.record.mode.value,
            "reason": result.record.reason,
            "added": result.record.added,
            "changed": result.record.changed,
            "deleted": result.record.deleted,
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
    for failure in report.failed:
        say(
            f"failed: board {failure.plan.key} ({failure.plan.board.name!r}) could not be read and stays as it "
            f"is: {failure.error.message}"
        )
        if failure.error.hint:
            say(f"hint: {failure.error.hint}")
    for result in report.boards:
        if result.record.reason:
            say(f"read in full: {result.record.table}: {result.record.reason}")
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
    swapped = (
        waited(report.outcome.blocked_ms, report.outcome.commits)
        if report.outcome
        else "nothing had changed, nothing was swapped"
    )
    rows = sum(result.record.rows for result in report.boards)
    say(
        f"{count(len(report.boards), 'board')}, {rows:,} rows live in {identity} after {report.seconds:.1f} s "
        f"({count(report.calls, 'call')}, {report.points:,} points); {swapped}. "
        f"Run {report.run.id}."
    )
