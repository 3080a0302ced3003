"""Keys identify: none is null, none comes twice."""

from __future__ import annotations

from boardlift.errors import CheckResult
from boardlift.load.checks.interface import Evidence
from boardlift.words import count


def not_null(evidence: Evidence) -> list[CheckResult]:
    """No row lacks a part of its key."""
    return [
        CheckResult("key_not_null", name, facts.null_keys == 0, f"{count(facts.null_keys, 'row')} without a key", "0")
        for name, (ref, facts) in evidence.tables.items()
        if ref.table.key
    ]


def unique(evidence: Evidence) -> list[CheckResult]:
    """No two rows share a key."""
    return [
        CheckResult(
            check="key_unique",
            table=name,
            passed=facts.distinct_keys == facts.rows - facts.null_keys,
            measured=f"{facts.rows - facts.null_keys - facts.distinct_keys} rows repeat a key",
            expected="0",
        )
        for name, (ref, facts) in evidence.tables.items()
        if ref.table.key
    ]
