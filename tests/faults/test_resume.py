"""A run that was cut off: the next one goes on from what lies sealed, and the table is right all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from boardlift.app import App
from boardlift.errors import AuthRejected, SourceUnavailable
from boardlift.monday.client import MondayClient
from boardlift.reports import RunReport
from boardlift.sandbox import Account, Fault, Sandbox, SandboxOptions
from boardlift.settings import AccountSettings, BoardSettings, ColumnSettings
from boardlift.spool import resume
from support.apps import make_app
from support.commands import CommandLine, configuration
from support.truth import compare_account

ITEMS = 600
PAGE = 50
PAGES = ITEMS // PAGE


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=2, items=ITEMS, columns=6)) as running:
        yield running


def app_of(sandbox: Sandbox, folder: Path, **changes: object) -> App:
    account = AccountSettings(url=sandbox.url, retries=0, page_size=PAGE, parallel_calls=1)
    boards = changes.pop("boards", [BoardSettings(id=sandbox.account.boards[0].id)])
    return make_app(sandbox, f"duckdb:///{folder / 'w.duckdb'}", folder, account=account, boards=boards, **changes)


def cut_off(sandbox: Sandbox, folder: Path, *, after: int = 8) -> None:
    """A sync that loses monday after so many pages."""
    sandbox.service.faults.add(Fault("5xx", operation="NextItems", after=after - 1, times=None))
    with app_of(sandbox, folder) as app, pytest.raises(SourceUnavailable):
        app.sync()
    sandbox.service.faults.clear()


def go_on(sandbox: Sandbox, folder: Path, **changes: object) -> tuple[RunReport, int]:
    """The next sync; out: its report, and how many items it took over. Its table is compared with the account."""
    with app_of(sandbox, folder, **changes) as app:
        report = app.sync()
        assert (
            compare_account(sandbox.account, [each.plan for each in report.boards], app.destination).differences == []
        )
    manifest = json.loads((folder / ".boardlift" / "spool" / report.run.id / "manifest.json").read_bytes())
    return report, next(iter(manifest["boards"].values()))["resumed"]


def test_the_next_run_goes_on(sandbox: Sandbox, tmp_path: Path) -> None:
    """What was read is not read again."""
    cut_off(sandbox, tmp_path)
    report, resumed = go_on(sandbox, tmp_path)
    assert resumed == 8 * PAGE
    # List, shape and counts; the form of the filter, the newest edits, twice the log; the pages that were missing.
    assert report.calls <= 10 + (PAGES - 8)


def edit(account: Account, items: list[int]) -> None:
    account.rename_item(items[3], "renamed meanwhile")
    account.rename_item(items[-3], "renamed meanwhile, too")


def move(account: Account, items: list[int]) -> None:
    account.move_item(items[5], group=account.boards[0].groups[-1].id)


def add(account: Account, items: list[int]) -> None:
    account.add_items(account.boards[0].id, 3)


def delete(account: Account, items: list[int]) -> None:
    account.delete_item(items[4])
    account.archive_item(items[-4])


def away(account: Account, items: list[int]) -> None:
    account.move_item(items[6], board=account.boards[1].id)


@pytest.mark.parametrize("change", [edit, move, add, delete, away])
def test_what_people_did_meanwhile_is_seen(
    sandbox: Sandbox, tmp_path: Path, change: Callable[[Account, list[int]], None]
) -> None:
    """Edited items are read again, and so are those that the log says have come or gone."""
    cut_off(sandbox, tmp_path)
    board = sandbox.account.boards[0]
    change(sandbox.account, [board.item_id(place) for place in board.active()])
    go_on(sandbox, tmp_path)


def one_leaves_and_one_comes_back(sandbox: Sandbox, folder: Path) -> None:
    """After a run was cut off; the count stays, and who comes back was not edited."""
    account, board = sandbox.account, sandbox.account.boards[0]
    back, away = [board.item_id(place) for place in board.active()][3:5]
    account.archive_item(back)
    account.advance(86_400)
    cut_off(sandbox, folder)
    account.restore_item(back, touch=False)
    account.delete_item(away)


def test_one_that_left_and_one_that_came_back_are_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    """The count is the same, and an item that is restored is not always an edited one: the log tells."""
    one_leaves_and_one_comes_back(sandbox, tmp_path)
    report, resumed = go_on(sandbox, tmp_path)
    assert resumed == 8 * PAGE
    assert report.calls < 12 + PAGES - 8


class Later(httpx.HTTPTransport):
    """The way to the sandbox; before the first further page a minute passes."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self.account = account

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if b"query NextItems" in request.read():
            self.account.advance(60)
        return super().handle_request(request)


def test_a_log_that_lags_is_asked_again(tmp_path: Path) -> None:
    """When the run goes on it knows of nobody who left or came back; when the board has been read it does."""
    with Sandbox(Account.many(boards=2, items=ITEMS, columns=6), SandboxOptions(log_lag_seconds=30)) as sandbox:
        account = sandbox.account
        one_leaves_and_one_comes_back(sandbox, tmp_path)
        with app_of(sandbox, tmp_path) as app:
            app.client = MondayClient(sandbox.url, sandbox.token, retries=0, transport=Later(account))
            report = app.sync()
            assert compare_account(account, [each.plan for each in report.boards], app.destination).differences == []
            app.client.close()
        assert report.calls >= PAGES


@pytest.mark.parametrize(
    ("act", "stays"),
    [
        (lambda account, items: account.delete_item(items[0]), True),
        (lambda account, items: account.delete_item(items[-1]), False),
        (lambda account, items: account.add_items(account.boards[0].id, 1), False),
    ],
    ids=["a read one leaves", "an unread one leaves", "one comes"],
)
def test_people_at_work_while_a_resumed_run_reads_are_no_reason_to_read_anew(
    sandbox: Sandbox, tmp_path: Path, act: Callable[[Account, list[int]], object], stays: bool
) -> None:
    """It is as in any other run: the count that moved is explained, and who left after he was read `stays`."""
    cut_off(sandbox, tmp_path)
    account = sandbox.account
    items = [account.boards[0].item_id(place) for place in account.boards[0].active()]

    class Working(Later):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if not acted and b"query FirstItems" in request.read():
                account.advance(60)
                act(account, items)
                acted.append(True)
            return httpx.HTTPTransport.handle_request(self, request)

    acted: list[bool] = []
    with app_of(sandbox, tmp_path) as app:
        app.client = MondayClient(sandbox.url, sandbox.token, retries=0, transport=Working(account))
        report = app.sync()
        found = compare_account(account, [each.plan for each in report.boards], app.destination).differences
        app.client.close()
    assert acted
    calls = sandbox.stats()["operations"]
    assert isinstance(calls, dict)
    assert calls["FirstItems"]["calls"] == 2, "one of the run that was cut off, one to go on"
    assert bool(found) == stays


def test_subitems_are_read_anew(tmp_path: Path) -> None:
    """They leave and come back with their items, and their own board's log need not say so."""
    with Sandbox(Account(size=0.6)) as sandbox:
        account = sandbox.account
        board = account.board("Master Production Planning")
        (below,) = board.children
        above = [item for item in map(board.item_id, board.active()) if list(below.places_of(item))]
        account.archive_item(above[3])
        account.advance(86_400)
        boards = [BoardSettings(id=board.id)]
        refused = Fault("unauthorized_401", board=below.id, operation="NextItems", after=4, times=None)
        sandbox.service.faults.add(refused)
        with app_of(sandbox, tmp_path, boards=boards) as app, pytest.raises(AuthRejected):
            app.sync()
        sandbox.service.faults.clear()
        account.restore_item(above[3], touch=False)
        account.delete_item(above[5])
        with app_of(sandbox, tmp_path, boards=boards) as app:
            report = app.sync()
            found = compare_account(account, [each.plan for each in report.boards], app.destination).differences
        assert [each for each in found if "dependent_on" not in each] == []


def test_without_a_log_it_is_read_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    one_leaves_and_one_comes_back(sandbox, tmp_path)
    sandbox.service.faults.add(Fault("internal_error_200", operation="Glance", times=None))
    report, _ = go_on(sandbox, tmp_path)
    assert report.calls >= PAGES


def test_other_columns_are_another_reading(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing is taken over when not the same is asked."""
    cut_off(sandbox, tmp_path)
    board = sandbox.account.boards[0]
    leave = {board.columns[2].id: ColumnSettings(exclude=True)}
    with app_of(sandbox, tmp_path, boards=[BoardSettings(id=board.id, columns=leave)]) as app:
        report = app.sync()
    assert report.calls >= PAGES


def test_another_token_is_another_reading(sandbox: Sandbox, tmp_path: Path) -> None:
    """What one user sees of a board is not what another does: nothing of it gets into their table."""
    cut_off(sandbox, tmp_path)
    sandbox.account.token = "another-users-token"
    assert go_on(sandbox, tmp_path)[1] == 0


def test_cells_that_could_not_be_read_are_read_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """Which cells of a window are only empty is known to the run that sealed it; no other takes it for the truth."""
    board = sandbox.account.boards[0]
    bad = Fault("internal_error_200", item=board.item_id(7), column=board.columns[2].id, times=None)
    sandbox.service.faults.add(bad)
    cut_off(sandbox, tmp_path)
    assert go_on(sandbox, tmp_path)[1] == 0


def test_what_fails_while_it_is_brought_up_to_date_is_read_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    """The question for the newest edits is a convenience; the board can be read without it."""
    cut_off(sandbox, tmp_path)
    # The page, a smaller one, and the same without cells; the board's own first page comes after these.
    sandbox.service.faults.add(Fault("internal_error_200", operation="NewestItems", times=3))
    report, _ = go_on(sandbox, tmp_path)
    assert report.calls >= PAGES


def test_what_is_damaged_is_read_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """A window whose hash is not that of the manifest is not trusted, nor are its neighbours."""
    cut_off(sandbox, tmp_path)
    window = sorted((tmp_path / ".boardlift" / "spool").glob("*/*/00002*"))[0]
    window.write_bytes(window.read_bytes()[:-9] + b"otherwise")
    assert go_on(sandbox, tmp_path)[1] == 0


def test_what_is_old_is_read_again(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an hour a run begins anew."""
    cut_off(sandbox, tmp_path)
    monkeypatch.setattr(resume, "MAX_AGE", timedelta(seconds=-1))
    assert go_on(sandbox, tmp_path)[1] == 0


def test_a_success_ends_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """What was sealed before a run that succeeded is older than what is live."""
    cut_off(sandbox, tmp_path)
    go_on(sandbox, tmp_path)
    assert go_on(sandbox, tmp_path)[1] == 0


def test_it_is_not_taken_over_for_ever(sandbox: Sandbox, tmp_path: Path) -> None:
    """A run that dies of what it took over must not lead to another one."""
    cut_off(sandbox, tmp_path, after=4)
    for _ in range(resume.MAX_ADOPTIONS):
        cut_off(sandbox, tmp_path, after=1)
    assert go_on(sandbox, tmp_path)[1] == 0


def test_after_a_kill(sandbox: Sandbox, tmp_path: Path) -> None:
    """`kill -9` in the middle of a board."""
    board = sandbox.account.boards[0].id
    text = configuration(
        sandbox.url,
        f"duckdb:///{tmp_path / 'w.duckdb'}",
        account=f"page_size: {PAGE}\nparallel_calls: 1",
        more=f"boards:\n  - id: {board}",
    )
    command = CommandLine(tmp_path, token=sandbox.token, text=text)
    sandbox.service.faults.add(Fault("slow", operation="NextItems", after=6, seconds=30))
    process = command.start("sync")
    while not any(
        "/00001." in each.read_text() for each in (tmp_path / ".boardlift" / "spool").glob("*/manifest.json")
    ):
        assert process.poll() is None
    process.kill()
    process.wait()
    sandbox.service.faults.clear()
    _, resumed = go_on(sandbox, tmp_path)
    assert 4 * PAGE <= resumed < ITEMS
