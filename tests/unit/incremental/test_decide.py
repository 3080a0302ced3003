"""When a board may be read by its changes, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from boardlift.clock import SystemClock
from boardlift.destinations.interface import Generation, State, StoredTable
from boardlift.incremental.basis import basis_of, packed
from boardlift.incremental.decide import Policy, ReadAll, Resume, decide
from boardlift.incremental.forecast import FEW_CHANGES, assumed
from boardlift.ledger import Ledger, Watermark
from boardlift.monday.client import MondayClient
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.planning import plan_boards
from boardlift.sandbox import Account, Sandbox
from boardlift.settings import BoardSettings, DefaultSettings, Settings

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoardPlan]:
    folder: Path = tmp_path_factory.mktemp("ledger")
    settings = Settings(destination="duckdb:///x.duckdb", defaults=DefaultSettings(mode="incremental"))
    with (
        Sandbox(Account.many(boards=1, items=3, columns=9)) as sandbox,
        MondayClient(sandbox.url, sandbox.token) as client,
        Ledger.open(folder / "ledger.sqlite", SystemClock()) as ledger,
    ):
        (made,) = plan_boards(client, settings, ledger).boards
        yield made


def live(plan: BoardPlan, number: int = 4) -> Generation:
    stored = tuple(StoredTable(t.name, f"{t.name}__g{number}", 3, t.fingerprint) for t in plan.group.tables)
    return Generation(plan.key, number, State.LIVE, "run", NOW, stored)


def mark(plan: BoardPlan, *, age: float = 1, swept: float = 1, generation: int = 4) -> Watermark:
    """A watermark of an hour ago; the last full read and sweep are `age` and `swept` hours old."""
    at = NOW - timedelta(hours=1)
    full, sweep = NOW - timedelta(hours=age), NOW - timedelta(hours=swept)
    return Watermark(plan.key, "run", generation, at, at, 3, 0, packed(basis_of(plan)), full, sweep)


def test_the_last_run_left_all_as_it_is(plan: BoardPlan) -> None:
    """Then its moment, less the overlap, is where the next one begins."""
    way = decide(plan, live(plan), mark(plan), NOW, Policy())
    assert isinstance(way, Resume)
    assert way.since == NOW - timedelta(hours=1, minutes=5)
    assert not way.sweep_due
    assert not way.restage


@pytest.mark.parametrize(
    ("schedule", "hours", "due"),
    [
        ("hourly", 0.8, False),
        ("hourly", 1, True),
        ("daily", 20, False),
        ("daily", 23.9, True),
        ("weekly", 140, False),
        ("weekly", 168, True),
        ("never", 9000, False),
        ("never", -9000, False),
        ("daily", -0.05, False),
        ("daily", -48, True),
    ],
)
def test_schedules(plan: BoardPlan, schedule: str, hours: float, due: bool) -> None:
    """A run a day at about the same time finds that a day has passed; a time written by a wrong clock is not waited
    for."""
    policy = replace(Policy(sweep="never"), reconcile=schedule)  # type: ignore[arg-type]
    assert isinstance(decide(plan, live(plan), mark(plan, age=hours), NOW, policy), ReadAll) == due
    policy = replace(Policy(reconcile="never"), sweep=schedule)  # type: ignore[arg-type]
    way = decide(plan, live(plan), mark(plan, swept=hours), NOW, policy)
    assert isinstance(way, Resume)
    assert way.sweep_due == due


def test_a_sweep_that_is_due_is_counted_before_the_run(plan: BoardPlan) -> None:
    """Else a run that cannot fit into the day would begin."""
    ways = [decide(plan, live(plan), mark(plan, swept=hours), NOW, Policy(reconcile="never")) for hours in (1, 30)]
    big = replace(plan, board=msgspec.structs.replace(plan.board, items_count=100_000))
    few, swept = [assumed(big, way, 500) for way in ways if isinstance(way, Resume)]
    assert few == FEW_CHANGES
    assert (swept[0] - few[0], swept[1] - few[1]) == (200, 2_000_000)


def reason(
    plan: BoardPlan, generation: Generation | None, known: Watermark | None, policy: Policy | None = None
) -> str:
    way = decide(plan, generation, known, NOW, policy or Policy())
    assert isinstance(way, ReadAll)
    return way.reason


def test_reasons_for_reading_all(plan: BoardPlan) -> None:
    """Each is a phrase that a person can do something with."""
    good, known = live(plan), mark(plan)
    assert reason(replace(plan, tombstones=None), good, known) == ""
    assert "asked for" in reason(plan, good, known, Policy(full=True))
    assert "live" in reason(plan, None, known)
    assert "go on from" in reason(plan, good, None)
    assert "generation 5 is live" in reason(plan, live(plan, 5), known)
    assert "release" in reason(plan, good, replace(known, basis="{}"))
    assert "release" in reason(plan, good, replace(known, basis=known.basis.replace('"release":"', '"release":"9')))
    assert "columns" in reason(replace(plan, columns=plan.columns[1:]), good, known)
    assert "live tables" in reason(plan, replace(good, tables=good.tables[:-1]), known)
    assert "reconcile: daily" in reason(plan, good, mark(plan, age=30))


def test_modes_of_boards_and_their_subitems(tmp_path: Path) -> None:
    """What a board says goes before the default; subitems follow their board."""
    account = Account(size=0.02)
    parent = next(board for board in account.boards if board.children)
    settings = Settings(
        destination="duckdb:///x.duckdb",
        boards=[BoardSettings(id=parent.id, mode="incremental"), BoardSettings(match="*")],
    )
    with (
        Sandbox(account) as sandbox,
        MondayClient(sandbox.url, sandbox.token) as client,
        Ledger.open(tmp_path / "ledger.sqlite", SystemClock()) as ledger,
    ):
        plans = plan_boards(client, settings, ledger).boards
    wanted = {str(parent.id), *(str(child.id) for child in parent.children)}
    assert {each.key for each in plans if each.incremental} == wanted
    made = next(each for each in plans if each.key == str(parent.id))
    assert made.tombstones is not None
    assert made.tombstones.name == f"{made.table}__deleted"
