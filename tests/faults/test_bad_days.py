"""Whole runs on days on which everything goes wrong: they end right, wait as told, and keep to the quotas."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from boardlift.app import App
from boardlift.reports import RunReport
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.sandbox.plans import plan_of
from boardlift.settings import AccountSettings, DefaultSettings
from support.apps import make_app
from support.honesty import refused_share, waits
from support.truth import compare_account
from support.virtual import VirtualClock

WHOLE = bool(os.environ.get("BOARDLIFT_WHOLE"))
MOST_REFUSED = 0.01
PRO = plan_of("pro")
ONE_PERCENT = {
    "complexity_per_minute": PRO.complexity_per_minute // 100,
    "calls_per_minute": PRO.calls_per_minute // 100,
    "concurrency": PRO.concurrency // 100,
}
CALM = SandboxOptions.of_plan(
    "pro", latency_seconds=0.3, latency_per_item_seconds=0.004, journal=True, failing_seconds=7.0
)
DAYS: dict[str, dict[str, object]] = {
    "cursors live three seconds": {"cursor_life_seconds": 3.0},
    "a hundredth of the quotas": ONE_PERCENT,
    "a tenth of the calls fails": {"failing": 0.1},
    "all three": {"cursor_life_seconds": 3.0, "failing": 0.1, **ONE_PERCENT},
    "filters refused": {"filter_forms": frozenset()},
    "filters ignored": {"filters_ignored": True},
    "order ignored": {"order_ignored": True},
}


@dataclass(frozen=True)
class Scenario:
    """Boards of so many items and columns; `changes` has them read once before, and edits 1 % and deletes 0.2 %."""

    boards: int
    items: int
    columns: int
    page_size: int = 500
    before: bool = False
    changes: bool = False


SCENARIOS = {
    "one board": Scenario(1, 10_000 if WHOLE else 1_700, 30 if WHOLE else 6),
    "20 boards": Scenario(20, 2_000 if WHOLE else 130, 30 if WHOLE else 4, 500 if WHOLE else 50),
    "200 tiny boards": Scenario(200 if WHOLE else 60, 50 if WHOLE else 8, 30 if WHOLE else 3),
    "one large board": Scenario(1, 100_000 if WHOLE else 3_000, 30 if WHOLE else 4, 500 if WHOLE else 100, before=True),
    "changes": Scenario(
        1, 100_000 if WHOLE else 4_000, 30 if WHOLE else 4, 500 if WHOLE else 25, before=True, changes=True
    ),
}


class Day:
    """One account, one destination, and a clock that both and boardlift share."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario, self.folder, self.clock = scenario, folder, VirtualClock()
        self.account = Account.many(scenario.boards, scenario.items, scenario.columns)
        self.port = 0

    def sandbox(self, options: SandboxOptions) -> Sandbox:
        """The account behind the address it had before, for what boardlift remembers belongs to that."""
        return Sandbox(self.account, replace(options, port=self.port), self.clock)

    def sync(self, sandbox: Sandbox) -> RunReport:
        """A whole run; every cell is held against the account."""
        self.port = sandbox.port
        with self._app(sandbox) as app:
            report = app.sync()
            found = compare_account(self.account, [board.plan for board in report.boards], app.destination)
        assert not report.failed
        assert len(report.boards) == self.scenario.boards
        assert not found.differences, found.differences[:5]
        return report

    def _app(self, sandbox: Sandbox) -> App:
        return make_app(
            sandbox,
            f"duckdb:///{self.folder / 'warehouse.duckdb'}",
            self.folder,
            clock=self.clock,
            account=AccountSettings(url=sandbox.url, parallel_calls=12, page_size=self.scenario.page_size),
            defaults=DefaultSettings(mode="incremental" if self.scenario.changes else "full"),
        )

    def edit(self) -> None:
        """Change 1 % of the items and delete 0.2 %, all over the board."""
        board = self.account.boards[0]
        for number in range(self.scenario.items // 100):
            self.account.rename_item(board.item_id(number * 97 + 1), f"changed {number}")
        for number in range(self.scenario.items // 500):
            self.account.delete_item(board.item_id(number * 499))


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_bad_day(name: str, day: str, tmp_path: Path) -> None:
    """The tables are the account's, no told wait is cut short or drawn out, and no quota is passed by our doing."""
    scenario, options = SCENARIOS[name], replace(CALM, **DAYS[day])  # type: ignore[arg-type]
    today = Day(scenario, tmp_path)
    if scenario.before:
        with today.sandbox(CALM) as sandbox:
            today.sync(sandbox)
    if scenario.changes:
        today.edit()
    today.clock.advance(600)
    with today.sandbox(options) as sandbox:
        began = today.clock.monotonic()
        report = today.sync(sandbox)
        print(name, day, today.clock.monotonic() - began, {b.record.mode.value for b in report.boards}, sandbox.stats())
        import json

        Path("/tmp/bd/journal.json").write_text(json.dumps(sandbox.journal()))
        assert refused_share(sandbox) <= MOST_REFUSED
        told = waits(sandbox)
        assert all(wait.kept for wait in told), told
