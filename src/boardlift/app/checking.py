"""What is live, held against what it should be."""

from __future__ import annotations

from collections.abc import Sequence

from boardlift.app.opened import Opened
from boardlift.app.planning import plan_sync
from boardlift.errors import CheckResult
from boardlift.load.checks.live import check_live
from boardlift.words import count


def check_tables(app: Opened, wanted: Sequence[str] = ()) -> list[CheckResult]:
    """Hold every live table against the catalogue and against monday. Changes nothing."""
    results: list[CheckResult] = []
    for report in plan_sync(app, wanted):
        if report.live is None:
            results.append(CheckResult("live", report.plan.table, False, "not there", "a live generation"))
            continue
        results += check_live(app.destination, report.live, report.plan.group.main)
        counted = report.plan.board.items_count
        results.append(
            CheckResult(
                check="fresh",
                table=report.plan.table,
                passed=counted is None or app.test or counted == report.live.rows,
                measured=count(report.live.rows, "row"),
                expected="not counted" if counted is None else f"{count(counted, 'item')} as monday counts them",
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
