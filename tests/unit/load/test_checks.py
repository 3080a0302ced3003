"""The gate's checks, each with the case that makes it fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boardlift.destinations.interface import StagedRef, TableFacts
from boardlift.errors import CheckResult, ConfigError
from boardlift.load.checks import CHECKS
from boardlift.load.checks.interface import Evidence, Expectation
from boardlift.load.validate import check_overrides
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT

TABLE = Table("planning", (Column("item_id", BIGINT),), ("item_id",))


def evidence(
    facts: TableFacts | None = None,
    *,
    expected: Expectation | None = None,
    appended: int = 100,
    live: int | None = 100,
    shrink: float = 0.2,
    gone: int | None = None,
) -> Evidence:
    """A hundred good rows, unless said otherwise."""
    return Evidence(
        main="planning",
        tables={"planning": (StagedRef("7", 2, TABLE, "planning__g2"), facts or TableFacts(100, 0, 100))},
        appended={"planning": appended},
        expected=expected or Expectation(100, 100, 100),
        live_rows=live,
        max_shrink=shrink,
        gone=gone,
    )


def failing(given: Evidence) -> set[str]:
    """The names of the checks that say no."""
    results: list[CheckResult] = [result for check in CHECKS.values() for result in check(given)]
    return {result.check for result in results if not result.passed}


def test_good_rows_pass_every_check() -> None:
    """Nothing is refused without a cause."""
    assert failing(evidence()) == set()


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (evidence(expected=Expectation(101, 105, 100)), {"count"}),
        (evidence(expected=Expectation(90, 99, 100)), {"count"}),
        (evidence(expected=Expectation(90, 110, 99)), {"count"}),
        (evidence(appended=101), {"landed"}),
        (evidence(TableFacts(100, 1, 99)), {"key_not_null"}),
        (evidence(TableFacts(100, 0, 98)), {"key_unique"}),
        (evidence(TableFacts(0, 0, 0), expected=Expectation(0, 0, 0), appended=0), {"not_empty", "not_shrunken"}),
        (evidence(live=126), {"not_shrunken"}),
        (evidence(gone=25), set()),
        (evidence(gone=26), {"mass_delete"}),
        (evidence(live=125, gone=26), {"mass_delete"}),
    ],
)
def test_each_check_can_fail(given: Evidence, names: set[str]) -> None:
    """One wrong figure is found by the check that is there for it, and by no other."""
    assert failing(given) == names


@pytest.mark.parametrize(
    "given",
    [
        evidence(expected=Expectation(95, 105, 100)),
        evidence(live=125),
        evidence(live=None),
        evidence(live=1000, shrink=0.9),
        evidence(TableFacts(0, 0, 0), expected=Expectation(0, 0, 0), appended=0, live=0),
    ],
)
def test_what_is_allowed_passes(given: Evidence) -> None:
    """Boards may move while they are read, lose a fifth, be new, or be empty as before."""
    assert failing(given) == set()


def test_an_override_needs_a_known_check_and_a_reason() -> None:
    """Nobody waves a check through in silence."""
    assert check_overrides(["not_empty"], " moved to another board ") == {"not_empty": "moved to another board"}
    with pytest.raises(ConfigError, match="needs a reason"):
        check_overrides(["not_empty"], " ")
    with pytest.raises(ConfigError, match="No check is called"):
        check_overrides(["emptyness"], "because")


@pytest.mark.parametrize(("live", "share", "most"), [(100, 0.29, 29), (1000, 0.057, 57), (10, 0.1, 25), (260, 0.1, 26)])
def test_the_brake_holds_at_its_figure(live: int, share: float, most: int) -> None:
    """Exactly the share passes, one more does not, whatever floating point makes of it."""
    for gone, names in ((most, set()), (most + 1, {"mass_delete"})):
        given = replace(evidence(live=live, shrink=1.0, gone=gone), max_deletes=share)
        assert failing(given) & {"mass_delete"} == names
