"""Boards that people work on while several chains read them, through failing calls.

Nothing is lost, nothing doubled, and every row is as its item was at some moment of the reading.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

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
from support.office import EDITS, Door, Office, Step

EXAMPLES = 500 if os.environ.get("BOARDLIFT_WHOLE") else 40
PASSING = ("5xx", "429_retry_after", "429_bare", "reset", "truncated_json", "cursor_expired", "internal_error_200")


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
        assert name in office.names(item), f"item {item} was never called {name!r}"
    assert office.always() <= set(names), f"lost: {sorted(office.always() - set(names))}"


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
