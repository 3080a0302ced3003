"""Boards that are alike become rows together; what comes out is what each would have become by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from boardlift import loading
from boardlift.normalize.many import ManyBoards, MixedRows
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from support.apps import make_app
from support.truth import compare_account

BOARDS, ITEMS, COLUMNS = 7, 25, 14


def lifted(account: Account, folder: Path, engine: str) -> dict[str, dict[str, str]]:
    """Sync all boards into a new file; the fingerprints of their tables by board. In DuckDB every cell is compared."""
    folder.mkdir()
    with (
        Sandbox(account, SandboxOptions()) as sandbox,
        make_app(sandbox, f"{engine}:///{folder}/warehouse.{engine}", folder) as app,
    ):
        report = app.sync()
        if engine == "duckdb":
            found = compare_account(account, [board.plan for board in report.boards], app.destination)
            assert not found.differences, found.differences[:5]
        return {board.plan.key: app.destination.contents(board.plan.key, 1) for board in report.boards}


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_together_they_become_what_they_become_alone(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows in every table, links, labels and groups included."""
    mixed: list[int] = []
    rows = ManyBoards.rows

    def counted(self: ManyBoards, boards):
        for each in rows(self, boards):
            if isinstance(each, MixedRows):
                mixed.append(len({board for board, _ in each.tables.values()}))
            yield each

    monkeypatch.setattr(ManyBoards, "rows", counted)
    account = Account.many(boards=BOARDS, items=ITEMS, columns=COLUMNS)
    together = lifted(account, tmp_path / "together", engine)
    assert BOARDS in mixed
    monkeypatch.setattr(loading, "_SMALL_ITEMS", 0)
    mixed.clear()
    assert lifted(account, tmp_path / "alone", engine) == together
    assert [count for count in mixed if count > 1] == []
