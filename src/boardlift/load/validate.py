"""The gate between staging and swap: measure once, run every check, and say no unless all pass or are overridden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from boardlift.destinations.interface import Destination, StagedGroup, TableFacts
from boardlift.errors import UNCHANGED, CheckFailed, CheckResult, ConfigError
from boardlift.load.checks import CHECKS
from boardlift.load.checks.interface import Evidence, Expectation
from boardlift.load.stage import StagedTables
from boardlift.shape.table import TableGroup

_KEY_CHECKS = ("key_not_null", "key_unique")


@dataclass(frozen=True)
class ValidatedTables:
    """A staged generation that passed the gate, with the results that say so. Only `validate` makes one."""

    group: TableGroup
    staged: StagedGroup
    results: tuple[CheckResult, ...]


Facts = Mapping[str, TableFacts]
"""What was counted in staged tables, by hidden name."""


def measure(tables: Sequence[StagedTables], destination: Destination) -> Facts:
    """Count all tables of these groups."""
    refs = [ref for each in tables for ref, _ in each.staged.tables]
    measured = destination.measure_all(refs)
    return {ref.hidden_name: facts for ref, facts in zip(refs, measured, strict=True)}


def validate(
    tables: StagedTables,
    facts: Facts,
    expected: Expectation,
    *,
    live_rows: int | None,
    max_shrink: float,
    overrides: Mapping[str, str],
    gone: int | None = None,
    max_deletes: float = 0.1,
    same_keys: str = "",
) -> ValidatedTables:
    """Run every check on what was counted.

    `overrides` maps a check's name to the reason why its verdict does not count this time; `same_keys` is what the
    destination says of texts that are one key although they differ.

    Raises CheckFailed with all results when one blocks.
    """
    measured = {ref.table.name: (ref, facts[ref.hidden_name]) for ref, _ in tables.staged.tables}
    evidence = Evidence(
        main=tables.group.main.name,
        tables=measured,
        appended={ref.table.name: rows for ref, rows in tables.staged.tables},
        expected=expected,
        live_rows=live_rows,
        max_shrink=max_shrink,
        gone=gone,
        max_deletes=max_deletes,
    )
    results = tuple(
        result
        if result.passed or result.check not in overrides
        else replace(result, overridden=overrides[result.check])
        for check in CHECKS.values()
        for result in check(evidence)
    )
    if any(result.blocks for result in results):
        raise _refused(tables.group, results, same_keys)
    return ValidatedTables(tables.group, _without_broken_keys(tables.staged, results), results)


def _without_broken_keys(staged: StagedGroup, results: Sequence[CheckResult]) -> StagedGroup:
    """A key that was found broken and let through is not declared in the destination, which would refuse it."""
    broken = {result.table for result in results if result.check in _KEY_CHECKS and not result.passed}
    if not broken:
        return staged
    kept = tuple(
        (replace(ref, table=replace(ref.table, key=())) if ref.table.name in broken else ref, rows)
        for ref, rows in staged.tables
    )
    return replace(staged, tables=kept)


def check_overrides(names: Sequence[str], reason: str) -> dict[str, str]:
    """The overrides of a command line as validate wants them. Raises ConfigError for unknown names or no reason."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        raise ConfigError(f"No check is called {unknown[0]!r}.", hint=f"--override takes one of: {', '.join(CHECKS)}")
    if names and not reason.strip():
        raise ConfigError("An override needs a reason; it is kept with the run.", hint='add --reason "why it is right"')
    return dict.fromkeys(names, reason.strip())


def _refused(group: TableGroup, results: Sequence[CheckResult], same_keys: str) -> CheckFailed:
    blocking = [result for result in results if result.blocks]
    names = sorted({result.check for result in blocking})
    told = "; ".join(str(result) for result in blocking)
    flags = " ".join(f"--override {name}" for name in names)
    keys = f"{same_keys}: look for such; " if same_keys and "key_unique" in names else ""
    return CheckFailed(
        f"The new data of board {group.key} ({group.main.label!r}) was refused: {told}. {UNCHANGED}",
        hint=f'{keys}look at the board; if the data is right: boardlift sync {group.key} {flags} --reason "..."',
        results=results,
    )
