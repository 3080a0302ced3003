"""Boards that people work on while several chains read them, through failing calls.

Nothing is lost, nothing doubled, and every row is as its item was at some moment of the reading.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boardlift.monday.boards import list_boards, read_boards
from boardlift.monday.client import MondayClient
from boardlift.monday.events import BoardRead
from boardlift.monday.parallel import Manner, Restarted, Sealed, read_in_parallel
from boardlift.monday.queries import Selection
from boardlift.monday.sharing import Prefer
from boardlift.progress import Silent
from boardlift.sandbox import Account, Fault, Sandbox, SandboxOptions
from boardlift.spool import SpoolRun, Window
from support.clocks import FastClock

EXAMPLES = 500 if os.environ.get("BOARDLIFT_WHOLE") else 40
EDITS = ("rename", "add", "group", "archive", "delete", "away")
PASSING = ("5xx", "429_retry_after", "429_bare", "reset", "truncated_json", "cursor_expired", "internal_error_200")


@dataclass(frozen=True)
class Step:
    """Before the `call`-th call, somebody edits the `which`-th item."""

    call: int
    edit: str
    which: int


class Office:
    """The people at work: they do their steps as calls come in, and remember what each item has been."""

    def __init__(self, account: Account, board_id: int, steps: Sequence[Step]) -> None:
        self.account, self.board = account, account.board(board_id)
        self.other = next(board for board in account.boards if board is not self.board)
        self.steps = sorted(steps, key=lambda step: step.call)
        self.been: defaultdict[int, set[str | None]] = defaultdict(set)
        self.calls = 0
        self._lock = threading.Lock()
        for item, name in self._present().items():
            self.been[item].add(name)

    def _present(self) -> dict[int, str]:
        board = self.board
        return {board.item_id(place): board.name_of(place) for place in board.active()}

    def work(self) -> None:
        with self._lock:
            self.calls += 1
            while self.steps and self.steps[0].call <= self.calls:
                self._do(self.steps.pop(0))

    def _do(self, step: Step) -> None:
        present = sorted(self._present())
        if step.edit == "add":
            for item in self.account.add_items(self.board.id, 1 + step.which % 3):
                self.been[item].add(None)  # it was not there from the beginning
        elif present:
            item = present[step.which % len(present)]
            match step.edit:
                case "rename":
                    self.account.rename_item(item, f"renamed before call {self.calls}")
                case "group":
                    self.account.move_item(item, group=self.board.groups[step.which % len(self.board.groups)].id)
                case "archive":
                    self.account.archive_item(item)
                case "delete":
                    self.account.delete_item(item)
                case "away":
                    self.account.move_item(item, board=self.other.id)
        now = self._present()
        for item in set(now) | set(self.been):
            self.been[item].add(now.get(item))


class Door(httpx.HTTPTransport):
    """The way to the sandbox; whoever goes through lets the people do their next steps first."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.office.work()
        return super().handle_request(request)


def items_of(windows: Sequence[Window]) -> list[tuple[int, str]]:
    found = []
    for window in windows:
        with zstandard.open(window.path, "rb") as file:
            lines = [json.loads(line) for line in file.read().splitlines()]
        assert len(lines) == window.items
        found += [(int(line["id"]), line["name"]) for line in lines]
    return found


def read(
    sandbox: Sandbox, board_id: int, office: Office, manner: Manner, folder: Path
) -> tuple[BoardRead, list[tuple[int, str]]]:
    """Read the board as a sync does; out: the certificate, and id and name of every item, as often as it came."""
    spool = SpoolRun.open(folder, "run")
    with MondayClient(sandbox.url, sandbox.token, clock=FastClock(), transport=Door(office)) as client:
        next(board for board in list_boards(client) if board.id == str(board_id))
        board = read_boards(client, [str(board_id)])[0]
        selection = Selection(tuple(column.id for column in board.columns if column.type != "name"))
        kept: list[Window] = []
        certificate = None
        with read_in_parallel(client, [(board, selection)], spool, manner=manner, progress=Silent()) as events:
            for event in events:
                match event:
                    case Sealed():
                        kept += event.windows
                    case Restarted():
                        kept = []
                    case BoardRead():
                        certificate = event
    assert certificate is not None
    assert {window.path for window in kept} == {window.path for window in spool.verify()}
    return certificate, items_of(kept)


def judge(office: Office, rows: Sequence[tuple[int, str]], certificate: BoardRead) -> None:
    """Nothing doubled, nothing lost, nothing that never was."""
    names = dict(rows)
    assert len(names) == len(rows) == certificate.items
    for item, name in names.items():
        assert name in office.been[item], f"item {item} was never called {name!r}"
    always = {item for item, been in office.been.items() if None not in been}
    assert always <= set(names), f"lost: {sorted(always - set(names))}"


steps = st.builds(Step, call=st.integers(1, 40), edit=st.sampled_from(EDITS), which=st.integers(0, 1000))
faults = st.builds(lambda call, kind: Fault(kind, call=call, seconds=2), st.integers(3, 40), st.sampled_from(PASSING))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES < 100)
@given(
    items=st.integers(0, 160),
    page=st.integers(5, 30),
    threads=st.integers(1, 6),
    prefer=st.sampled_from(["auto", "calls", "time"]),
    steps=st.lists(steps, max_size=25),
    faults=st.lists(faults, max_size=4, unique_by=lambda fault: fault.call),
)
def test_any_schedule_of_edits_and_faults(
    items: int, page: int, threads: int, prefer: Prefer, steps: list[Step], faults: list[Fault]
) -> None:
    """Whatever people do meanwhile, and whatever fails: each row is its item at some moment of the reading."""
    account = Account.many(boards=2, items=items, columns=3)
    board_id = account.boards[0].id
    with (
        Sandbox(account, SandboxOptions(faults=tuple(faults))) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        office = Office(account, board_id, steps)
        manner = Manner(threads=threads, page_size=page, prefer=prefer)
        certificate, rows = read(sandbox, board_id, office, manner, Path(folder))
        judge(office, rows, certificate)


Choose = Callable[[Account], None]


def _all_at_once(account: Account) -> None:
    """A board filled by an import: one creation time for all."""
    account.add_items(account.boards[0].id, 120)


def _spread(account: Account) -> None:
    """The items the account was made with, spread over months."""


@pytest.mark.parametrize("prepare", [_spread, _all_at_once], ids=["spread", "imported"])
@pytest.mark.parametrize("threads", [2, 8])
def test_several_chains_give_each_item_once(prepare: Choose, threads: int, tmp_path: Path) -> None:
    """Also where all was created in the same second, so that no time can part it."""
    account = Account.many(boards=2, items=300, columns=3)
    prepare(account)
    board_id = account.boards[0].id
    with Sandbox(account, SandboxOptions(latency_seconds=0.02)) as sandbox:
        office = Office(account, board_id, [])
        manner = Manner(threads=threads, page_size=20, prefer="time")
        certificate, rows = read(sandbox, board_id, office, manner, tmp_path)
    judge(office, rows, certificate)
    assert certificate.chains > 1
