"""What an incremental run costs: calls and points as the sandbox counts them."""

from __future__ import annotations

import os
from pathlib import Path

from boardlift.sandbox import Account, Sandbox
from support.synced import Synced

ITEMS = 100_000 if os.environ.get("BOARDLIFT_WHOLE") else 6_000


def spent(sandbox: Sandbox) -> tuple[int, int]:
    stats = sandbox.stats()
    return int(str(stats["calls"])), int(str(stats["points"]))


def test_a_large_board_by_its_changes(tmp_path: Path) -> None:
    """With 1 % changed and 0.2 % deleted: ten calls in all, planning included; a sweep takes a fifth of the points."""
    account = Account.benchmark(ITEMS, 30)
    board = account.boards[0]
    with Sandbox(account) as sandbox:
        synced = Synced(sandbox, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", tmp_path)

        def run(mode: str) -> tuple[int, int]:
            account.advance(600)
            before = spent(sandbox)
            with synced.app() as app:
                (done,) = app.sync().boards
            assert done.record.mode.value == mode
            assert done.record.rows == len(board.active())
            calls, points = (after - was for after, was in zip(spent(sandbox), before, strict=True))
            return calls, points

        def work(seed: int) -> None:
            for number in range(ITEMS // 100):
                account.rename_item(board.item_id(number * 7 + seed), f"changed {seed}")
            for number in range(ITEMS // 500):
                account.delete_item(board.item_id(ITEMS // 2 + number * 11 + seed))

        _, full = run("full")
        assert run("unchanged")[0] == 3
        work(1)
        calls, points = run("incremental")
        assert calls <= 10
        assert points <= 0.05 * full
        work(2)
        board.log.clear()
        _, points = run("incremental")
        assert points <= 0.2 * full
