"""The forward path goes one way: mypy refuses to promote what was not validated."""

from __future__ import annotations

from pathlib import Path

import pytest

WRONG = """
from boardlift.destinations.interface import Destination
from boardlift.ledger import Ledger
from boardlift.load.promote import promote
from boardlift.load.stage import StagedTables, Staging
from boardlift.load.validate import Facts, validate
from boardlift.load.checks.interface import Expectation
from boardlift.normalize.items import Normalizer
from boardlift.spool.page import Page

def skips_the_gate(staged: StagedTables, destination: Destination, ledger: Ledger) -> None:
    promote("run", [staged], destination, ledger)

def validates_what_is_still_open(staging: Staging, facts: Facts, expected: Expectation) -> None:
    validate(staging, facts, expected, live_rows=None, max_shrink=0.2, overrides={})

def normalizes_what_is_not_sealed(normalizer: Normalizer, page: Page) -> None:
    list(normalizer.rows(page))
"""


def test_a_wrong_order_is_a_type_error(tmp_path: Path) -> None:
    """Skipping the gate, the seal of a staging, or the seal of a window does not type-check."""
    api = pytest.importorskip("mypy.api", reason="mypy is a development dependency")
    snippet = tmp_path / "wrong.py"
    snippet.write_text(WRONG)
    root = Path(__file__).parents[2]
    out, err, status = api.run(["--strict", "--config-file", str(root / "pyproject.toml"), str(snippet)])
    errors = [line for line in out.splitlines() if str(snippet.name) in line and "error:" in line]
    assert status == 1, err
    assert len(errors) == 3, out
    assert 'expected "ValidatedTables"' in errors[0]
    assert 'expected "StagedTables"' in errors[1]
    assert 'expected "Window"' in errors[2]
