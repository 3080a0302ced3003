"""Whole runs over a board that people work on: no false alarm, and nothing lost without a word."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boardlift.app import App
from boardlift.errors import CheckFailed
from boardlift.monday.client import MondayClient
from boardlift.monday.sharing import Prefer
from boardlift.reports import RunReport
from boardlift.sandbox import Account, Fault, Sandbox, SandboxOptions
from boardlift.settings import AccountSettings, BoardSettings, DefaultSettings
from support.apps import make_app
from support.clocks import FastClock
from support.office import EDITS, Door, Office, State, Step

EXAMPLES = 500 if os.environ.get("BOARDLIFT_WHOLE") else 25
PASSING = ("5xx", "429_retry_after", "429_bare", "reset", "truncated_json", "cursor_expired")


class Desk:
    """One busy board, and runs that bring it into DuckDB."""

    def __init__(self, sandbox: Sandbox, folder: Path, steps: Sequence[Step], **account: object) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.board = sandbox.account.boards[0]
        self.office = Office(sandbox.account, self.board.id, steps)
        self._account = AccountSettings(url=sandbox.url, retries=5, timeout=20, **account)  # type: ignore[arg-type]

    def app(self, **defaults: object) -> App:
        clock = FastClock()
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


steps = st.lists(
    st.builds(Step, call=st.integers(1, 40), edit=st.sampled_from(EDITS), which=st.integers(0, 1000)), max_size=30
)
faults = st.lists(
    st.builds(lambda call, kind: Fault(kind, call=call, seconds=2), st.integers(3, 40), st.sampled_from(PASSING)),
    max_size=3,
    unique_by=lambda fault: fault.call,
)
losses = st.lists(
    st.builds(lambda call, items: Fault("partial_page", call=call, items=items), st.integers(2, 25), st.integers(1, 6)),
    min_size=1,
    max_size=3,
    unique_by=lambda fault: fault.call,
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES < 100)
@given(
    items=st.integers(0, 120),
    page=st.integers(5, 30),
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
@given(items=st.integers(1, 120), page=st.integers(5, 30), steps=steps, losses=losses)
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
