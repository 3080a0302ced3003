"""Whole runs over a board that people work on: no false alarm, and nothing lost without a word."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from boardlift.app import App
from boardlift.errors import CheckFailed
from boardlift.incremental import changes
from boardlift.monday.client import MondayClient
from boardlift.monday.sharing import Prefer
from boardlift.reports import RunReport
from boardlift.sandbox import Account, Fault, Sandbox, SandboxOptions
from boardlift.settings import AccountSettings, BoardSettings, DefaultSettings
from boardlift.spool import manifest as manifests
from support.apps import make_app
from support.clocks import FastClock
from support.office import EDITS, Door, Office, State, Step
from support.truth import compare_account

EXAMPLES = 500 if os.environ.get("BOARDLIFT_WHOLE") else 25
PASSING = ("5xx", "429_retry_after", "429_bare", "reset", "truncated_json", "cursor_expired")


class AccountsClock(FastClock):
    """Sleeps no time, and yet the account's time passes: its log catches up."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self.account = account

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.account.advance(seconds)


class Desk:
    """One busy board, and runs that bring it into DuckDB."""

    def __init__(self, sandbox: Sandbox, folder: Path, steps: Sequence[Step], **account: object) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.board = sandbox.account.boards[0]
        self.office = Office(sandbox.account, self.board.id, steps)
        self._account = AccountSettings(url=sandbox.url, retries=5, timeout=20, **account)  # type: ignore[arg-type]

    def app(self, **defaults: object) -> App:
        clock = AccountsClock(self.sandbox.account)
        app = make_app(
            self.sandbox,
            f"duckdb:///{self.folder / 'warehouse.duckdb'}",
            self.folder,
            clock=clock,
            account=self._account,
            boards=(BoardSettings(id=self.board.id),),
            defaults=DefaultSettings(**defaults),  # type: ignore[arg-type]
        )
        app.client = MondayClient(
            self.sandbox.url, self.sandbox.token, clock=clock, retries=5, transport=Door(self.office)
        )
        return app

    def sync(self, **defaults: object) -> tuple[RunReport, list[tuple[int, State]]]:
        """Run once; out: the report, and the live rows."""
        with self.app(**defaults) as app:
            try:
                report = app.sync()
                (plan,) = (board.plan for board in report.boards)
                statement = f"SELECT item_id, name, group_id FROM {app.destination.address(plan.table)}"
                rows = app.destination.query(statement)[1]
            finally:
                app.client.close()
        return report, [(int(str(item)), State(str(name), str(group))) for item, name, group in rows]

    def judge(self, rows: Sequence[tuple[int, State]]) -> None:
        """Nothing doubled, nothing lost, nothing that never was."""
        found = dict(rows)
        assert len(found) == len(rows), "doubled"
        for item, state in found.items():
            assert state in self.office.been[item], f"item {item} never was {state}"
        assert self.office.always() <= set(found), f"lost: {sorted(self.office.always() - set(found))}"


MOVING = tuple(edit for edit in EDITS if edit != "rename")
steps = st.lists(
    st.builds(Step, call=st.integers(1, 30), edit=st.sampled_from((*EDITS, *MOVING)), which=st.integers(0, 1000)),
    min_size=5,
    max_size=40,
)
faults = st.lists(
    st.builds(lambda call, kind: Fault(kind, call=call, seconds=2), st.integers(3, 40), st.sampled_from(PASSING)),
    max_size=3,
    unique_by=lambda fault: fault.call,
)
losses = st.lists(
    st.builds(lambda call, items: Fault("partial_page", call=call, items=items), st.integers(2, 20), st.integers(1, 4)),
    min_size=1,
    max_size=3,
    unique_by=lambda fault: fault.call,
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES < 100)
@given(
    items=st.integers(0, 100),
    page=st.integers(4, 16),
    threads=st.integers(1, 5),
    prefer=st.sampled_from(["auto", "calls", "time"]),
    steps=steps,
    faults=faults,
)
def test_edits_alone_never_stop_a_run(
    items: int, page: int, threads: int, prefer: Prefer, steps: list[Step], faults: list[Fault]
) -> None:
    """Whatever people do meanwhile: the run ends well, and each row is its item at some moment of the run."""
    account = Account.many(boards=2, items=items, columns=3)
    with Sandbox(account, SandboxOptions(faults=tuple(faults))) as sandbox, tempfile.TemporaryDirectory() as folder:
        desk = Desk(sandbox, Path(folder), steps, page_size=page, parallel_calls=threads, prefer=prefer)
        _, rows = desk.sync()
        desk.judge(rows)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES < 100)
@example(  # who comes back between the count and the question makes up for who was lost
    items=20, page=10, steps=[Step(1, "away", 0), Step(7, "back", 0)], losses=[Fault("partial_page", call=3, items=1)]
)
@example(  # who comes between two looks at the log makes up for who was lost
    items=20, page=10, steps=[Step(7, "add", 0)], losses=[Fault("partial_page", call=3, items=1)]
)
@example(  # the sweep lacks the same item, and another comes between two looks after it
    items=21,
    page=4,
    steps=[*(Step(call, "rename", 0) for call in (1, 1, 6)), Step(12, "add", 0), Step(21, "add", 0)],
    losses=[Fault("partial_page", call=3, items=1), Fault("partial_page", call=14, items=1)],
)
@given(items=st.integers(20, 100), page=st.integers(4, 16), steps=steps, losses=losses)
def test_a_loss_is_healed_or_refused(items: int, page: int, steps: list[Step], losses: list[Fault]) -> None:
    """Pages that lack items, while people work: the table is right, or the count check refuses it."""
    account = Account.many(boards=2, items=items, columns=3)
    with Sandbox(account, SandboxOptions(faults=tuple(losses))) as sandbox, tempfile.TemporaryDirectory() as folder:
        desk = Desk(sandbox, Path(folder), steps, page_size=page)
        try:
            _, rows = desk.sync()
        except CheckFailed as refused:
            assert {result.check for result in refused.results if result.blocks} == {"count"}
        else:
            desk.judge(rows)


def test_a_board_that_never_rests(tmp_path: Path) -> None:
    """Somebody adds an item before every single call: the count can be had as a range only, and the run says so."""
    with Sandbox(Account.many(boards=2, items=20, columns=3)) as sandbox:
        desk = Desk(sandbox, tmp_path, [Step(call, "add", 0) for call in range(1, 200)], page_size=10)
        report, rows = desk.sync()
        desk.judge(rows)
        (told,) = report.settled
        assert "people worked on it all the while: " in told


@pytest.mark.parametrize("lag", [0.0, 3600.0])
def test_a_loss_that_a_leaver_makes_up_for(tmp_path: Path, lag: float) -> None:
    """One was lost, and one that was read is deleted before the count: the log of the deletion may not be there yet."""
    losses = (Fault("partial_page", operation="NextItems", items=1),)
    options = SandboxOptions(faults=losses, log_lag_seconds=lag)
    with Sandbox(Account.many(boards=2, items=20, columns=3), options) as sandbox:
        desk = Desk(sandbox, tmp_path, [Step(6, "delete", 0)], page_size=10)
        report, rows = desk.sync()
        desk.judge(rows)
        assert "1 item did not come with its pages" in report.settled[0]


@pytest.mark.parametrize("adds", [2, 1])
def test_more_move_than_may_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adds: int) -> None:
    """A mass edit while a board is read: the ids of all items tell who is there."""
    monkeypatch.setattr(changes, "ALWAYS", 2)
    steps = [*(Step(5, "archive", which) for which in range(4)), Step(5, "add", adds)]
    with Sandbox(Account.many(boards=2, items=20, columns=3)) as sandbox:
        desk = Desk(sandbox, tmp_path, steps, page_size=10)
        report, rows = desk.sync()
        desk.judge(rows)
        assert len(report.settled) == 1


@pytest.mark.parametrize("lag", [1.5, 3.0, 10.0])
def test_a_busy_board_whose_log_lags(tmp_path: Path, lag: float) -> None:
    """Looks that find nothing new do not mean that nobody works: the run is not refused."""
    with Sandbox(Account.many(boards=2, items=20, columns=3), SandboxOptions(log_lag_seconds=lag)) as sandbox:
        desk = Desk(sandbox, tmp_path, [Step(call, "add", 0) for call in range(1, 400, 4)], page_size=5)
        _, rows = desk.sync()
        desk.judge(rows)


def test_edits_of_cells_move_nobody(tmp_path: Path) -> None:
    """Somebody renames an item before every call; the one that was added is explained by the log alone."""
    steps = [Step(5, "add", 0), *(Step(call, "rename", call) for call in range(1, 200))]
    with Sandbox(Account.many(boards=2, items=20, columns=3)) as sandbox:
        desk = Desk(sandbox, tmp_path, steps, page_size=10)
        report, rows = desk.sync()
        desk.judge(rows)
        operations = sandbox.stats()["operations"]
        assert isinstance(operations, dict)
        assert operations["FirstItems"]["calls"] == 1
        assert "1 item came meanwhile" in report.settled[0]


ITEMS = 20
Act = Callable[[Account], None]


class Cued(httpx.HTTPTransport):
    """The way to the sandbox; before the first call of an operation something happens there."""

    def __init__(self, account: Account, cues: dict[str, Act]) -> None:
        super().__init__()
        self.account, self.cues = account, dict(cues)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = request.read().decode()
        for operation in [each for each in self.cues if f"query {each}" in asked]:
            self.cues.pop(operation)(self.account)
        return super().handle_request(request)


@dataclass
class Quiet:
    """An account at rest, synced into DuckDB; what happens meanwhile is cued."""

    sandbox: Sandbox
    folder: Path
    boards: int = 1
    defaults: dict[str, object] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        return self.sandbox.account

    def sync(self, cues: dict[str, Act] | None = None, *, full: bool = False) -> RunReport:
        """Run once; every cell is as the account has it now."""
        account = AccountSettings(url=self.sandbox.url, page_size=5, prefer="calls", retries=1)
        boards = tuple(BoardSettings(id=board.id) for board in self.account.boards[: self.boards])
        defaults = DefaultSettings(**self.defaults)  # type: ignore[arg-type]
        place, clock = f"duckdb:///{self.folder / 'warehouse.duckdb'}", FastClock()
        with make_app(
            self.sandbox, place, self.folder, clock=clock, account=account, boards=boards, defaults=defaults
        ) as app:
            app.client = MondayClient(
                self.sandbox.url,
                self.sandbox.token,
                clock=clock,
                retries=1,
                transport=Cued(self.account, cues or {}),
            )
            try:
                report = app.sync(full=full)
                found = compare_account(self.account, [board.plan for board in report.boards], app.destination)
                assert not found.differences, found.differences[:10]
                self.buried = [
                    app.destination.query(f"SELECT item_id FROM {app.destination.address(plan.tombstones.name)}")[1]
                    for plan in (board.plan for board in report.boards)
                    if plan.tombstones is not None
                ]
            finally:
                app.client.close()
        return report

    def calls(self, operation: str) -> int:
        told = self.sandbox.stats()["operations"]
        assert isinstance(told, dict)
        return int(told.get(operation, {}).get("calls", 0))

    def said(self, report: RunReport) -> list[str]:
        """What the manifest says of the boards whose count did not fit."""
        manifest = manifests.read(self.folder / ".boardlift" / "spool" / report.run.id)
        return [sentence for board in manifest.boards.values() for sentence in board.settled]


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Quiet]:
    with Sandbox(Account.many(boards=3, items=ITEMS, columns=12)) as sandbox:
        yield Quiet(sandbox, tmp_path)


def one_for_another(account: Account) -> None:
    """An item that has not come leaves, and another comes that no page of this chain will hold."""
    board = account.boards[0]
    account.delete_item(board.item_id(ITEMS - 1))
    account.add_items(board.id, 1)


def forget(account: Account) -> None:
    account.boards[0].log.clear()


def test_a_quiet_board_costs_nothing_more(quiet: Quiet) -> None:
    """Where the count fits nobody is asked anything."""
    report = quiet.sync()
    assert (quiet.calls("Glance"), quiet.calls("ItemsById"), quiet.said(report)) == (0, 0, [])


def test_the_log_explains(quiet: Quiet) -> None:
    """One came and one left: 19 items read, 20 counted before and after. Three calls more, and the new one is there."""
    report = quiet.sync({"NextItems": one_for_another})
    assert quiet.said(report) == ["1 item came meanwhile (read by id)"]
    assert "1 item came meanwhile" in report.settled[0]
    assert (quiet.calls("Glance"), quiet.calls("ItemsById"), quiet.calls("FirstItems")) == (2, 1, 1)
    (check,) = (check for check in report.run.checks if check.result.check == "count")
    assert check.result.passed
    assert "(1 item came meanwhile (read by id))" in check.result.expected


def test_without_the_log_the_ids_explain(quiet: Quiet) -> None:
    """The log has gaps: then all ids are read once more."""
    report = quiet.sync({"NextItems": one_for_another, "Glance": forget})
    assert quiet.said(report) == ["1 item came meanwhile (read by id)"]
    assert quiet.calls("FirstItems") == 2


def test_nobody_may_read_the_log(quiet: Quiet) -> None:
    """The token may not see it: ids and counts suffice."""
    quiet.sandbox.service.faults.add(Fault("errors_200", operation="Glance", code="USER_UNAUTHORIZED", times=None))
    assert quiet.said(quiet.sync({"NextItems": one_for_another})) == ["1 item came meanwhile (read by id)"]


def test_a_loss_is_healed_and_told(quiet: Quiet) -> None:
    """A page lacks its last items; they are read by id, and lie in the table with all their cells and links."""
    quiet.sandbox.service.faults.add(Fault("partial_page", operation="NextItems", items=3))
    report = quiet.sync()
    assert quiet.said(report) == ["3 items did not come with its pages although on the board (read by id)"]


def test_a_loss_that_new_items_hide(quiet: Quiet) -> None:
    """20 items counted before, 23 after, 21 came: within the range, and yet two were lost."""
    quiet.sandbox.service.faults.add(Fault("partial_page", operation="NextItems", items=2))
    report = quiet.sync({"FirstItems": lambda account: account.add_items(account.boards[0].id, 3) and None})
    assert report.boards[0].record.rows == ITEMS + 3
    assert any(said.startswith("2 items did not come with its pages") for said in quiet.said(report))


def test_what_never_comes_is_refused(quiet: Quiet) -> None:
    """Two readings lack the same items, and only the count knows of them."""
    quiet.sandbox.service.faults.add(Fault("partial_page", operation="FirstItems", items=3, times=None))
    with pytest.raises(CheckFailed, match="17 items can be found, and monday counts 20"):
        quiet.sync()


def test_most_of_a_board_is_not_read_by_id(quiet: Quiet, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reading loses at this rate is no reading: the run is refused, and says how many."""
    monkeypatch.setattr(changes, "ALWAYS", 2)
    quiet.sandbox.service.faults.add(Fault("partial_page", operation="NextItems", items=5, times=2))
    with pytest.raises(CheckFailed, match="10 of 20 items did not come with its pages"):
        quiet.sync()


def test_a_lost_item_gets_no_tombstone(quiet: Quiet) -> None:
    """An incremental board that is read in full: who was lost and read by id has not gone."""
    quiet.defaults = {"mode": "incremental"}
    quiet.sync()
    quiet.sandbox.service.faults.add(Fault("partial_page", operation="NextItems", items=3))
    quiet.account.delete_item(quiet.account.boards[0].item_id(0))
    report = quiet.sync(full=True)
    assert len(quiet.said(report)) == 1
    assert quiet.buried == [[(quiet.account.boards[0].item_id(0),)]]


def test_small_boards_that_were_read_together(quiet: Quiet) -> None:
    """Their rows are staged many boards at a time; what had not come is added to each, and nothing twice."""
    quiet.boards = 3
    quiet.sandbox.service.faults.add(Fault("partial_page", operation="BundledItems", items=2))
    assert len(quiet.said(quiet.sync())) == 3
