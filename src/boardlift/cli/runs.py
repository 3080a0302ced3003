"""`boardlift runs`: what was done, by whom, and how it ended."""

from __future__ import annotations

from typing import Annotated

import typer

from boardlift.cli.options import AsJson, Config, Debug, open_app, read_settings
from boardlift.cli.output import emit, show
from boardlift.ledger import Run

COLUMNS = (
    *("run", "kind", "status", "started", "seconds", "boards", "rows"),
    *("swap", "attempts", "blocked_ms", "namespace", "by", "error"),
)


def runs(
    run: Annotated[str | None, typer.Argument(help="Show this run with its boards and checks.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many of the newest runs.", min=1)] = 20,
    config: Config = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the newest runs, or show one with its boards and checks.

    Example: boardlift runs --limit 5
    """
    with open_app(read_settings(config, token_required=False)) as app:
        app.ledger.abandon_dead_runs()
        found = [app.ledger.run(run)] if run else app.ledger.runs(limit)
    if as_json:
        emit({"runs": [as_document(each) for each in found]})
        return
    show("", [_row(each) for each in found], COLUMNS, right=("seconds", "boards", "rows", "attempts", "blocked_ms"))
    if run:
        board_columns = ("board_id", "board_name", "table", "rows", "generation", "seconds", "calls", "points")
        show("boards", board_rows(found[0]), board_columns, right=board_columns[3:])
        show("checks", check_rows(found[0]), ("board_id", "check", "table", "verdict", "measured", "expected"))


def _row(run: Run) -> dict[str, object]:
    document = as_document(run)
    return {
        "run": run.id,
        "kind": run.kind.value,
        "status": run.status.value,
        "started": run.started_at,
        "seconds": document["seconds"],
        "boards": len(run.boards),
        "rows": sum(board.rows for board in run.boards),
        "swap": document["swap"],
        "attempts": document["attempts"],
        "blocked_ms": document["blocked_ms"],
        "namespace": run.namespace,
        "by": run.holder,
        "error": run.error,
    }


def as_document(run: Run) -> dict[str, object]:
    """A run as plain values."""
    promotion = run.promotion
    swap = "" if promotion is None else promotion.outcome.value if promotion.outcome else "open"
    left = promotion.left if promotion else ()
    return {
        "run": run.id,
        "kind": run.kind.value,
        "status": run.status.value,
        "destination": run.destination,
        "namespace": run.namespace,
        "by": run.holder,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "seconds": (run.ended_at - run.started_at).total_seconds() if run.ended_at else None,
        "error": run.error,
        "swap": "promoted in part" if left else swap,
        "not_promoted": list(left),
        "attempts": promotion.attempts if promotion else None,
        "blocked_ms": promotion.blocked_ms if promotion else None,
        "boards": board_rows(run),
        "checks": check_rows(run),
    }


def board_rows(run: Run) -> list[dict[str, object]]:
    return [
        {
            "board_id": board.board_id,
            "board_name": board.board_name,
            "table": board.table,
            "rows": board.rows,
            "columns": board.columns,
            "generation": board.generation,
            "seconds": board.seconds,
            "calls": board.calls,
            "points": board.points,
            "retries": board.retries,
            "quarantined": board.quarantined,
            "mode": board.mode.value,
            "reason": board.reason,
            "added": board.added,
            "changed": board.changed,
            "deleted": board.deleted,
        }
        for board in run.boards
    ]


def check_rows(run: Run) -> list[dict[str, object]]:
    return [
        {
            "board_id": entry.board_id,
            "check": entry.result.check,
            "table": entry.result.table,
            "verdict": _verdict(entry.result.passed, entry.result.overridden),
            "measured": entry.result.measured,
            "expected": entry.result.expected,
        }
        for entry in run.checks
    ]


def _verdict(passed: bool, overridden: str) -> str:
    return "passed" if passed else f"overridden: {overridden}" if overridden else "blocked"
