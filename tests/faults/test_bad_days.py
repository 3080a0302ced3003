"""Whole runs on days on which everything goes wrong: they end right, wait as told, and keep to the quotas."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from boardlift.destinations.registry import open_destination
from boardlift.reports import RunReport
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.sandbox.plans import plan_of
from boardlift.settings import AccountSettings, DefaultSettings
from support.apps import make_app
from support.honesty import lulls, pushing, refused_share, waits
from support.synced import shown_later
from support.truth import compare_account
from support.virtual import VirtualClock

WHOLE = bool(os.environ.get("BOARDLIFT_WHOLE"))
SEED = int(os.environ.get("BOARDLIFT_SEED", "1"))
MOST_REFUSED = 0.01
PRO = plan_of("pro")
POINTS = {"complexity_per_minute": PRO.complexity_per_minute // 100}
CALLS = {"calls_per_minute": PRO.calls_per_minute // 100}
QUOTAS = {**POINTS, **CALLS, "concurrency": PRO.concurrency // 100}
CURSORS = {"cursor_life_seconds": 3.0}
FAILING = {"failing": 0.1}
CALM = replace(
    SandboxOptions.of_plan("pro"),
    latency_seconds=0.3,
    latency_per_item_seconds=0.004,
    failing_seconds=7.0,
    failing_seed=SEED,
    journal=True,
)
DAYS: dict[str, dict[str, object]] = {
    "cursors live three seconds": CURSORS,
    "a hundredth of the quotas": QUOTAS,
    "a tenth of the calls fails": FAILING,
    "all three": {**CURSORS, **QUOTAS, **FAILING},
    "filters refused": {"filter_forms": frozenset()},
    "filters ignored": {"filters_ignored": True},
    "order ignored": {"order_ignored": True},
}
MORE_DAYS: dict[str, dict[str, object]] = {
    "a hundredth of the points": POINTS,
    "a hundredth of the calls": CALLS,
    "cursors live for a page": {"cursor_life_seconds": 0.1},
}


@dataclass(frozen=True)
class Scenario:
    """Boards of so many items and columns. `before` has them read once on a calm day, so that it is known how they are
    spread over time; then a share of the first one is `changed`, and a fifth of that deleted."""

    boards: int
    items: int
    columns: int
    page_size: int = 500
    before: bool = False
    changed: float = 0.0

    @property
    def pages(self) -> int:
        return self.boards * -(-self.items // self.page_size)


SCENARIOS = {
    "one board": Scenario(1, 1_700, 6),
    "20 boards": Scenario(20, 110, 4, 100),
    "200 tiny boards": Scenario(25, 6, 3),
    "one large board": Scenario(1, 2_500, 4, 100, before=True),
    "changes": Scenario(1, 1_500, 4, 10, before=True, changed=0.01),
}
if WHOLE:
    SCENARIOS = {
        "one board": Scenario(1, 10_000, 30),
        "20 boards": Scenario(20, 2_000, 30),
        "200 tiny boards": Scenario(200, 50, 30),
        "one large board": Scenario(1, 30_000, 30, before=True),
        "changes": Scenario(1, 30_000, 30, before=True, changed=0.01),
    }
MORE_SCENARIOS = {"changes that outlast a cursor": Scenario(1, 700, 4, 10, before=True, changed=0.2)}
CASES = [
    *((scenario, day) for scenario in SCENARIOS for day in DAYS),
    ("one large board", "a hundredth of the points"),
    ("one large board", "a hundredth of the calls"),
    ("changes that outlast a cursor", "cursors live three seconds"),
    ("changes that outlast a cursor", "cursors live for a page"),
]


class Day:
    """One account, one destination, and a clock that both and boardlift share."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario, self.folder, self.clock = scenario, folder, VirtualClock()
        self.account = Account.many(scenario.boards, scenario.items, scenario.columns)
        self.port = 0
        self.destination = f"duckdb:///{folder / 'warehouse.duckdb'}"

    def sandbox(self, options: SandboxOptions) -> Sandbox:
        """The account behind the address it had before: what boardlift remembers belongs to that."""
        return Sandbox(self.account, replace(options, port=self.port), self.clock)

    def before(self) -> None:
        """A run on a calm day, then edits, and ten minutes in which all settles."""
        with self.sandbox(CALM) as sandbox:
            self.sync(sandbox)
        board, scenario = self.account.boards[0], self.scenario
        changed, deleted = round(scenario.items * scenario.changed), round(scenario.items * scenario.changed / 5)
        places = range(0, scenario.items, max(1, scenario.items // max(1, changed + deleted)))[: changed + deleted]
        for number, place in enumerate(places):
            if number < deleted:
                self.account.delete_item(board.item_id(place))
            else:
                self.account.rename_item(board.item_id(place), f"changed {number}")
        self.clock.advance(600)

    def sync(self, sandbox: Sandbox, page_size: int = 500) -> RunReport:
        """A whole run."""
        self.port = sandbox.port
        account = AccountSettings(url=sandbox.url, parallel_calls=12, page_size=page_size)
        mode = "incremental" if self.scenario.changed else "full"
        with make_app(
            sandbox,
            self.destination,
            self.folder,
            clock=self.clock,
            account=account,
            defaults=DefaultSettings(mode=mode),
        ) as app:
            return app.sync()

    def differences(self, report: RunReport) -> list[str]:
        """The first cells that are not as the account has them, but for those that only a full read refreshes."""
        with closing(open_destination(self.destination, "monday")) as destination:
            plans = [board.plan for board in report.boards]
            found = compare_account(self.account, plans, destination).differences
        later = [place for plan in plans for place in shown_later(plan)] if self.scenario.changed else []
        return [each for each in found if not any(place in each for place in later)][:5]


def judge(sandbox: Sandbox) -> None:
    """No quota passed by our doing; told waits obeyed by all, and nothing waited for that nobody told."""
    stats, options = sandbox.stats(), sandbox.options
    assert refused_share(sandbox) <= MOST_REFUSED, stats["refusals"]
    assert cast("int", stats["peak_concurrency"]) <= options.concurrency
    assert max(cast("list[int]", stats["calls_by_minute"])) <= options.calls_per_minute
    assert max(cast("list[int]", stats["points_by_minute"])) <= options.complexity_per_minute
    assert not pushing(sandbox)
    assert not [wait for wait in waits(sandbox) if not wait.kept]
    assert not [lull for lull in lulls(sandbox) if not lull.fair]


@pytest.mark.parametrize(("name", "day"), CASES)
def test_a_bad_day(name: str, day: str, tmp_path: Path) -> None:
    """The tables are the account's, no told wait is cut short or drawn out, and no quota is passed by our doing."""
    scenario = {**SCENARIOS, **MORE_SCENARIOS}[name]
    options = replace(CALM, **{**DAYS, **MORE_DAYS}[day])  # type: ignore[arg-type]
    today = Day(scenario, tmp_path)
    if scenario.before:
        today.before()
    with today.sandbox(options) as sandbox:
        report = today.sync(sandbox, scenario.page_size)
        judge(sandbox)
        assert not report.failed
        assert len(report.boards) == scenario.boards
        if day.startswith("filters"):
            assert report.calls <= 2 * scenario.pages + 20
        assert today.differences(report) == []
