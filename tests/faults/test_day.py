"""A run that does not fit into the day, runs that share an account, and what a plan says beforehand."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import boardlift
from boardlift.cli.errors import FAILED, OK
from boardlift.errors import DailyLimitReached
from boardlift.ledger import Ledger
from boardlift.sandbox import Account, Fault, Sandbox, SandboxOptions
from boardlift.settings import AccountSettings, BoardSettings
from support.apps import make_app
from support.clocks import FastClock
from support.commands import CommandLine, configuration

READER = """
import sys, time
from pathlib import Path
from boardlift.clock import SystemClock
from boardlift.ledger import Ledger
from boardlift.monday import queries
from boardlift.monday.budget import Budget
from boardlift.monday.client import MondayClient
from boardlift.sharing import LedgerUse
from concurrent.futures import ThreadPoolExecutor
url, token, path, board = sys.argv[1:5]
clock = SystemClock()
ask = queries.first_items(board, queries.Selection(column_ids=()), 1)
with Ledger.open(Path(path), clock) as ledger:
    with MondayClient(url, token, clock=clock, budget=Budget(clock, start=16)) as client:
        print("here", flush=True)
        sys.stdin.readline()
        client.budget.join(LedgerUse(ledger, "7", "a test"))
        client.send(ask)
        with ThreadPoolExecutor(8) as pool:
            until = time.monotonic() + float(sys.argv[5])
            def read(_):
                while time.monotonic() < until:
                    client.send(ask)
            list(pool.map(read, range(8)))
        print(client.stats().calls, client.budget.snapshot().processes, flush=True)
"""


def small(**options: object) -> Sandbox:
    return Sandbox(Account.many(boards=6, items=120, columns=2), SandboxOptions(**options))  # type: ignore[arg-type]


def pages(sandbox: Sandbox) -> int:
    operations = sandbox.stats()["operations"]
    assert isinstance(operations, dict)
    return sum(counts["calls"] for name, counts in operations.items() if name in {"FirstItems", "NextItems"})


def test_a_run_that_does_not_fit_is_refused_before_its_first_page(tmp_path: Path) -> None:
    """With the facts and all the choices; nothing was read, nothing changed."""
    with small(calls_per_day=8) as sandbox, make_app(sandbox, f"duckdb:///{tmp_path}/w.duckdb", tmp_path) as app:
        with pytest.raises(DailyLimitReached) as caught:
            app.sync()
        assert pages(sandbox) == 0
    assert "takes about 7 calls, and 6 of the 8 calls of today are left" in caught.value.message
    assert "Production was not changed." in caught.value.message
    for choice in ("fewer boards", "page_size", "--fit", "00:00 UTC"):
        assert choice in caught.value.hint


def test_what_fits_is_lifted_and_the_rest_is_named(tmp_path: Path) -> None:
    """`--fit` ends with exit code 0, for it has done what was asked; what fits is lifted and nothing is refused."""
    with small(calls_per_day=7) as sandbox:
        text = configuration(sandbox.url, f"duckdb:///{tmp_path}/w.duckdb")
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        refused = command.run("sync", "--quiet")
        assert refused.code == FAILED
        assert "--fit" in refused.err
        ended = command.run("sync", "--fit", "--json")
        assert ended.code == OK, ended.err
        document = ended.document
        lifted = {board["board_name"] for board in document["boards"]}
        assert (len(lifted), len(document["left_out"])) == (2, 4)
        assert lifted.isdisjoint(document["left_out"])
        assert document["projection"]["fits"] is True
        assert sandbox.stats()["refusals"] == {}
        nothing = command.run("sync", "--fit")
        assert nothing.code == FAILED
        assert "calls of today" in nothing.err


def test_those_left_out_come_first_the_next_time(tmp_path: Path) -> None:
    """What was never lifted goes before what was; so no board waits for ever."""
    clock = FastClock()
    with small() as sandbox:
        account = AccountSettings(url=sandbox.url, calls_per_day=9)
        seen: list[set[str]] = []
        for _ in range(2):
            with make_app(sandbox, f"duckdb:///{tmp_path}/w.duckdb", tmp_path, account=account) as app:
                app.clock = clock
                report = app.sync(fit=True)
                seen.append({board.record.board_name for board in report.boards})
                assert len(report.left_out) == 6 - len(seen[-1])
            clock.slept += 86_400
    assert seen[0]
    assert not seen[0] & seen[1] or len(seen[0] | seen[1]) == 6


def test_a_plan_tells_what_a_day_has_left(tmp_path: Path) -> None:
    """Calls of earlier runs count; a plan that does not fit ends with exit code 1."""
    with small(calls_per_day=18) as sandbox:
        text = configuration(sandbox.url, f"duckdb:///{tmp_path}/w.duckdb")
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        before = command.run("plan", "--json").document["projection"]
        assert (before["calls"], before["calls_day"], before["calls_left_today"]) == (7, 18, 16)
        assert (before["fits"], before["day_share"]) == (True, pytest.approx(7 / 18, abs=1e-4))
        assert command.run("sync", "--quiet").code == OK
        ended = command.run("plan")
        assert ended.code == FAILED
        assert "obstacle: 5 of the 18 calls of today are left" in ended.err
        assert sandbox.stats()["refusals"] == {}


@pytest.mark.parametrize(
    ("prefer", "said"),
    [("auto", "in several chains at once, for a page takes about 0.7 s"), ("calls", "in one chain of 20 pages, as")],
)
def test_a_plan_tells_how_a_large_board_will_be_read(tmp_path: Path, prefer: str, said: str) -> None:
    """And why; of small boards there is nothing to tell."""
    with Sandbox(Account.benchmark(2000, 2)) as sandbox:
        account = f"page_size: 100\nprefer: {prefer}"
        text = configuration(sandbox.url, f"duckdb:///{tmp_path}/w.duckdb", account=account)
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        assert f"pages: benchmark: {said}" in command.run("plan").err
        assert command.run("plan", "--json").document["boards"][0]["pages"].startswith(said)
        assert "pages:" not in command.run("plan", "--test").err


def test_points_are_those_that_an_earlier_run_has_paid(tmp_path: Path) -> None:
    """Ten for each object until then; link columns cost more than that, and the second plan knows."""
    with Sandbox(Account(size=0.05)) as sandbox:
        board = sandbox.account.board("Inventory")
        settings = [BoardSettings(id=board.id)]
        guessed = paid = 0
        for turn in range(2):
            with make_app(sandbox, f"duckdb:///{tmp_path}/w.duckdb", tmp_path, boards=settings) as app:
                report = app.sync()
                assert report.projection is not None
                told = {each.board_id: each for each in report.projection.boards}[str(board.id)]
                assert told.measured is (turn == 1)
                guessed, paid = told.points, report.boards[0].record.points
    assert guessed == pytest.approx(paid, rel=0.02)


def test_an_account_is_asked_for_its_plan_once_a_week(tmp_path: Path) -> None:
    """With the list of boards in the same call; the next runs ask for the list alone."""
    with small() as sandbox:
        for days in (0, 1, 8):
            clock = FastClock()
            clock.slept = days * 86_400
            with make_app(sandbox, f"duckdb:///{tmp_path}/w.duckdb", tmp_path) as app:
                app.clock = clock
                app.plan()
        operations = sandbox.stats()["operations"]
    assert isinstance(operations, dict)
    assert operations["Opening"]["calls"] == 2
    assert operations["BoardList"]["calls"] == 1


@pytest.mark.parametrize("fault", [Fault("errors_200", code="USER_UNAUTHORIZED"), Fault("5xx")], ids=str)
def test_a_token_that_may_not_ask_for_the_plan_lists_its_boards(tmp_path: Path, fault: Fault) -> None:
    with small() as sandbox:
        sandbox.service.faults.add(replace(fault, operation="Opening"))
        with make_app(sandbox, f"duckdb:///{tmp_path}/w.duckdb", tmp_path) as app:
            found = {report.plan.key for report in app.plan()}
        operations = sandbox.stats()["operations"]
        everything = {str(board.id) for board in sandbox.account.boards}
    assert found and found <= everything
    assert isinstance(operations, dict)
    assert operations["BoardList"]["calls"] == 1


def test_a_list_that_fails_does_not_hide_the_calls_of_a_day(tmp_path: Path) -> None:
    """Boards made from templates may break on their workspace; the plan is asked for again without the list."""
    with small(calls_per_day=777) as sandbox:
        for operation in ("Opening", "BoardList"):
            sandbox.service.faults.add(Fault("internal_error_200", operation=operation, times=None))
        with make_app(sandbox, f"duckdb:///{tmp_path}/w.duckdb", tmp_path) as app:
            reports = app.plan()
            assert app.project([report.plan for report in reports]).calls_day == 777


def test_two_processes_share_the_places_of_an_account(tmp_path: Path) -> None:
    """Six calls at once are three for each; the calls of both are in the ledger."""
    package = str(Path(boardlift.__file__).parents[1])
    path = tmp_path / "state" / "ledger.sqlite"
    with small(concurrency=6, latency_seconds=0.03) as sandbox:
        board = str(sandbox.account.boards[0].id)
        readers = [
            subprocess.Popen(
                [sys.executable, "-c", READER, sandbox.url, sandbox.token, str(path), board, str(seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": package},
            )
            for seconds in (4.0, 1.5)
        ]
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "here\n"
        for reader in readers:
            assert reader.stdin is not None
            reader.stdin.write("\n")
            reader.stdin.flush()
            time.sleep(0.6)
        said = [reader.communicate(timeout=60) for reader in readers]
        assert all(reader.returncode == 0 for reader in readers), said
        stats = sandbox.stats()
    first, second = ([int(word) for word in out.split()] for out, _ in said)
    assert second[1] == 2
    assert min(first[0], second[0]) > 10
    refusals, calls = stats["refusals"], stats["calls"]
    assert isinstance(refusals, dict)
    assert isinstance(calls, int)
    assert sum(refusals.values()) <= max(1, calls // 100)
    with Ledger.open(path, FastClock()) as ledger:
        if datetime.now(UTC).hour < 23:
            assert abs(ledger.calls_today("7") - calls) <= sum(refusals.values()) + 1
        assert ledger.readers("7") == 0
