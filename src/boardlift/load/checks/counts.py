"""The rows that lie in staging are the rows the source counted, sent and we appended."""

from __future__ import annotations

from boardlift.errors import CheckResult
from boardlift.load.checks.interface import Evidence
from boardlift.words import count


def reconciled(evidence: Evidence) -> list[CheckResult]:
    """Staged rows against the board's own count, and against what was received."""
    rows = evidence.tables[evidence.main][1].rows
    expected = evidence.expected
    most = count(expected.most, "item")
    span = most if expected.least == expected.most else f"{expected.least:,} to {most}"
    suffix = f" ({expected.note})" if expected.note else ""
    return [
        CheckResult(
            check="count",
            table=evidence.main,
            passed=expected.explained and expected.least <= rows <= expected.most and rows == expected.received,
            measured=f"{count(rows, 'row')} staged, {count(expected.received, 'item')} received",
            expected=f"{span} as monday counts them{suffix}",
        )
    ]


def appended(evidence: Evidence) -> list[CheckResult]:
    """Every row that was sent to the destination can be counted there."""
    return [
        CheckResult(
            check="landed",
            table=name,
            passed=facts.rows == evidence.appended[name],
            measured=count(facts.rows, "row"),
            expected=f"{count(evidence.appended[name], 'row')} sent",
        )
        for name, (_, facts) in evidence.tables.items()
    ]
