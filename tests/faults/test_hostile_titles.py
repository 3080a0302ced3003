"""Titles meant to break things, on boards, columns, groups, labels and items: tables are right, nothing is executed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from boardlift.app import App
from boardlift.sandbox import Account, Sandbox
from boardlift.sandbox.words import HOSTILE_TITLES
from boardlift.settings import AccountSettings, BoardSettings, ColumnSettings, Loaded, Secret, Settings
from boardlift.shape.naming import RESERVED
from support.rounds import reading
from support.truth import compare_account

HOSTILE = (
    *HOSTILE_TITLES,
    *("The same title",) * 10,
    "'; DROP SCHEMA monday CASCADE; --",
    'x"; DROP TABLE canary; --',
    "$$; DROP TABLE canary; $$",
    "E'\\'; DROP TABLE canary; --",
    "🚀" * 300,
    "a" * 300,
    "item_id", "name", "group_id", "group_title", "created_at", "url", "parent_item_id", "generations", "window_rows",
    "boardlift misfit", "r0", "c1", "l1", "v1", "%s %d {0} {}", "{{", "}", "$1", "?", ":name",
)  # fmt: skip
PORTABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@pytest.fixture(params=["duckdb", "postgresql"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with a table that the titles try to drop."""
    if request.param == "duckdb":
        found = f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    else:
        found = str(request.getfixturevalue("postgres_url"))
    with reading(found) as connection:
        connection.execute("CREATE TABLE canary AS SELECT 42 AS answer")
    yield found
    with reading(found) as connection:
        assert connection.execute("SELECT answer FROM canary").fetchall() == [(42,)]


def loaded(sandbox: Sandbox, destination: str, folder: Path, *boards: BoardSettings) -> Loaded:
    account = AccountSettings(url=sandbox.url, retries=0, timeout=30)
    settings = Settings(destination=destination, account=account, boards=list(boards or (BoardSettings(match="*"),)))
    return Loaded(settings=settings, folder=folder, token=Secret(sandbox.token), destination=Secret(destination))


def synced(sandbox: Sandbox, app: App) -> list[str]:
    """Sync, and look at every name; out: cells that differ from the account."""
    report = app.sync()
    for board in report.boards:
        for table in board.plan.group.tables:
            for name in (table.name, *(column.name for column in table.columns)):
                assert PORTABLE.fullmatch(name), name
            names = [column.name for column in table.columns]
            assert len(set(names)) == len(names)
            ours = {"position", "name", "label", "value", "reason", "color", "title", "ordinal", "url"}
            assert not {name for name in names if name in RESERVED} - ours
    return compare_account(sandbox.account, [board.plan for board in report.boards], app.destination).differences


def test_hostile_column_titles(destination: str, tmp_path: Path) -> None:
    """Every hostile title on a column of one board, and on its items and groups."""
    account = Account.many(boards=1, items=0, columns=0)
    board = account.board(account.boards[0].id)
    kinds = ("text", "numbers", "status", "date", "people", "dropdown")
    for number, title in enumerate(HOSTILE):
        account.add_column(board.id, kinds[number % 6], title, column_id=f"col_{number}", filled=0.6)
    items = account.add_items(board.id, len(HOSTILE))
    for item, title in zip(items, HOSTILE, strict=True):
        account.rename_item(item, title.replace("\0", ""))
    for group, title in zip(board.groups, HOSTILE, strict=False):
        group.title = title
    with Sandbox(account) as sandbox, App(loaded(sandbox, destination, tmp_path)) as app:
        assert synced(sandbox, app) == []
        assert synced(sandbox, app) == [], "names bound in the first run met the second"


def test_hostile_board_titles(destination: str, tmp_path: Path) -> None:
    """Every hostile title on a board of its own; a dozen boards of the same title."""
    account = Account.many(boards=len(HOSTILE), items=2, columns=2)
    for board, title in zip(list(account.boards), HOSTILE, strict=True):
        account.rename_board(board.id, title)
    with Sandbox(account) as sandbox, App(loaded(sandbox, destination, tmp_path)) as app:
        assert synced(sandbox, app) == []
        names = [g.tables[0].name for g in app.destination.generations()]
        assert len(set(names)) == len(HOSTILE)


def test_hostile_labels(destination: str, tmp_path: Path) -> None:
    """Labels of a status arrive as they are, in cells and in the table of labels."""
    account = Account.many(boards=1, items=0, columns=0)
    board = account.boards[0]
    column = account.add_column(board.id, "status", "Status", column_id="status", filled=0.0)
    titles = [title.replace("\0", "") for title in HOSTILE if title.strip("\0")][:30]
    settings = cast("dict[str, Any]", column.settings)
    labels = settings["labels"]
    spoil(labels, titles)
    with Sandbox(account) as sandbox, App(loaded(sandbox, destination, tmp_path)) as app:
        app.sync()
        table = app.plan()[0].plan.labels
        assert table is not None
        rows = app.destination.query(f"SELECT label FROM monday.{table.name}")[1]
    found = {row[0] for row in rows}
    assert found & set(titles)


def spoil(labels: Any, titles: list[str]) -> None:
    """Put titles in place of labels, whichever form the settings have."""
    if isinstance(labels, dict):
        for key, title in zip(list(labels), titles, strict=False):
            labels[key] = title
    else:
        for label, title in zip(labels, titles, strict=False):
            label["label" if "label" in label else "name"] = title


def test_a_title_with_brackets_can_be_named(tmp_path: Path) -> None:
    """A board whose title looks like a pattern is found by its very title."""
    account = Account.many(boards=3, items=2, columns=2)
    title = "Plan [2026] *draft?"
    account.rename_board(account.boards[1].id, title)
    destination = f"duckdb:///{tmp_path / 'w.duckdb'}"
    with Sandbox(account) as sandbox:
        with App(loaded(sandbox, destination, tmp_path)) as app:
            assert [report.plan.board.name for report in app.plan([title])] == [title]
        with App(loaded(sandbox, destination, tmp_path, BoardSettings(match=title))) as app:
            assert [report.plan.board.name for report in app.plan()] == [title]


@pytest.mark.parametrize("name", ["select", "order", "user", "table", "generations", "x" * 57, "n1"])
def test_names_a_person_may_give(destination: str, tmp_path: Path, name: str) -> None:
    """A column that is given a reserved word or a very long name is queried by it."""
    account = Account.many(boards=1, items=3, columns=3)
    board = account.boards[0]
    wish = BoardSettings(id=board.id, table=name[:40], columns={"status": ColumnSettings(name=name)})
    with Sandbox(account) as sandbox, App(loaded(sandbox, destination, tmp_path, wish)) as app:
        report = app.sync()
        rows = app.destination.query(f'SELECT "{name}" FROM monday."{name[:40]}"')[1]
        comparison = compare_account(account, [b.plan for b in report.boards], app.destination)
    assert len(rows) == 3
    assert comparison.differences == []
