"""An empty or sharply shrunken board is more often an accident than the truth."""

from __future__ import annotations

from boardlift.errors import CheckResult
from boardlift.load.checks.interface import Evidence
from boardlift.words import count


def not_empty(evidence: Evidence) -> list[CheckResult]:
    """An empty table never replaces one that has rows."""
    rows = evidence.tables[evidence.main][1].rows
    had = evidence.live_rows or 0
    return [
        CheckResult(
            check="not_empty",
            table=evidence.main,
            passed=rows > 0 or had == 0,
            measured=count(rows, "row"),
            expected="at least 1 row" if had else "any number of rows: no rows are live",
        )
    ]


def not_shrunken(evidence: Evidence) -> list[CheckResult]:
    """The new generation keeps at least 1 - max_shrink of the live one's rows."""
    if not evidence.live_rows:
        return []
    rows = evidence.tables[evidence.main][1].rows
    least = evidence.live_rows * (1 - evidence.max_shrink)
    return [
        CheckResult(
            check="not_shrunken",
            table=evidence.main,
            passed=rows >= least,
            measured=f"{count(rows, 'row')} against {evidence.live_rows:,} live",
            expected=f"at least {least:,.0f}, which is {1 - evidence.max_shrink:.0%} of the live rows",
        )
    ]
