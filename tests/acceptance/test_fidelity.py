"""Every cell of the sandbox account, compared with what lies in the destination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.sandbox import Account, Sandbox, SandboxOptions
from support.apps import make_app
from support.truth import compare_account
from support.warehouses import destination

__all__ = ["destination"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account(), SandboxOptions()) as running:
        yield running


def test_every_cell_of_the_account_arrives(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """No cell of any board, of any type, differs from the truth of the account, and nothing is in quarantine."""
    with make_app(sandbox, destination, tmp_path) as app:
        report = app.sync()
        comparison = compare_account(sandbox.account, [board.plan for board in report.boards], app.destination)
    kinds = Counter(difference.split("]")[-1].split(":")[0] for difference in comparison.differences)
    assert not comparison.differences, f"{kinds.most_common(20)} {comparison.differences[:20]}"
    assert comparison.cells >= 300_000
    assert sum(board.record.quarantined for board in report.boards) == 0
