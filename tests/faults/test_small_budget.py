"""Whole runs on accounts with very small quotas: they take longer, end right, and are not refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.settings import AccountSettings
from support.apps import make_app
from support.clocks import HurriedClock


@pytest.mark.parametrize(
    ("share", "options"),
    [
        (1.0, {"complexity_per_minute": 50_000}),  # a page of 500 costs more than a minute has
        (0.5, {"complexity_per_minute": 100_000, "concurrency": 3}),
        (1.0, {"calls_per_minute": 6, "concurrency": 1}),
    ],
    ids=["points of one percent", "half of two percent", "six calls a minute, one at once"],
)
def test_a_run_within_a_small_budget(share: float, options: dict[str, int], tmp_path: Path) -> None:
    """Every item arrives; what is too large for a minute is asked for in smaller pages, without a refusal."""
    clock = HurriedClock(120)
    account = Account.many(boards=3, items=700, columns=10, clock=clock.epoch)
    with (
        Sandbox(account, SandboxOptions(**options)) as sandbox,  # type: ignore[arg-type]
        make_app(
            sandbox,
            f"duckdb:///{tmp_path}/w.duckdb",
            tmp_path,
            account=AccountSettings(url=sandbox.url, share=share, timeout=3600),
        ) as app,
    ):
        app.clock = clock
        report = app.sync()
        assert [board.record.rows for board in report.boards] == [700] * 3
        assert sandbox.stats()["refusals"] == {}
        points = sandbox.stats()["points"]
        assert isinstance(points, int)
        if minute := options.get("complexity_per_minute"):
            windows = -(-points // int(minute * share)) - 1
            assert clock.monotonic() >= 60 * (windows - 1)


def test_small_boards_share_only_calls_that_a_minute_can_pay_for(tmp_path: Path) -> None:
    """Ten of them together would cost 48,000 points, and no minute has so many: it would be refused for ever."""
    clock = HurriedClock(120)
    account = Account.many(boards=10, items=40, columns=10, clock=clock.epoch)
    with (
        Sandbox(account, SandboxOptions(complexity_per_minute=30_000)) as sandbox,
        make_app(
            sandbox,
            f"duckdb:///{tmp_path}/w.duckdb",
            tmp_path,
            account=AccountSettings(url=sandbox.url, timeout=3600),
        ) as app,
    ):
        app.clock = clock
        report = app.sync()
        assert [board.record.rows for board in report.boards] == [40] * 10
        assert sandbox.stats()["refusals"] == {}
