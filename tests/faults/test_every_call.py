"""Every fault at every call of a sync: the exactly right table, or the old one and an error that says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from boardlift.app import App
from boardlift.destinations.interface import State
from boardlift.errors import UNCHANGED, BoardliftError
from boardlift.sandbox import Account, Fault, Sandbox
from boardlift.settings import AccountSettings, Loaded, Secret, Settings
from support.clocks import FastClock
from support.truth import compare_account

WHOLE = bool(os.environ.get("BOARDLIFT_WHOLE"))
"""Set it to run every fault at every call; else each fault hits a few calls, and each call a few faults."""

TOLD = 17.0
CODES = (
    "INTERNAL_SERVER_ERROR", "CursorException", "USER_UNAUTHORIZED", "missingRequiredPermissions",
    "InvalidBoardIdException", "InvalidArgumentException", "undefinedField", "API_TEMPORARILY_BLOCKED",
    "COMPLEXITY_BUDGET_EXHAUSTED", "DAILY_LIMIT_EXCEEDED", "NEVER_SEEN_BEFORE",
)  # fmt: skip
FAULTS = (
    Fault("429_retry_after", seconds=TOLD),
    Fault("429_retry_in_seconds", seconds=TOLD),
    Fault("429_bare"),
    Fault("complexity_200", seconds=TOLD),
    Fault("complexity_429", seconds=TOLD),
    Fault("daily_limit"),
    Fault("concurrency", seconds=TOLD),
    Fault("ip_limit", seconds=TOLD),
    *(Fault("5xx", status=status) for status in (500, 502, 503, 504)),
    Fault("html"),
    Fault("html_200"),
    Fault("truncated_json"),
    Fault("empty_body"),
    Fault("timeout", seconds=0.5),
    Fault("reset"),
    Fault("reset", where="middle"),
    *(Fault("errors_200", shape=shape) for shape in ("code", "error_code", "strings", "legacy", "several")),
    Fault("errors_200", shape="validation", message="Cannot query field 'x' on type 'Board'"),
    Fault("errors_200", shape="null_board"),
    *(Fault("errors_200", shape="code", code=code) for code in CODES),
    *(Fault("errors_200", shape="several", code=code) for code in CODES),
    *(Fault("errors_200", shape="legacy", code=code) for code in CODES),
    Fault("internal_error_200"),
    Fault("cursor_expired"),
    Fault("wrong_version"),
    Fault("unauthorized_401"),
    Fault("partial_page"),
    Fault("partial_page", items=7),
    Fault("duplicate_item"),
    Fault("slow", seconds=0.05),
)
CALLS = 7  # of a sync: list, shapes, first page, two next pages, counts; one more to see that it is the last


def named(fault: Fault) -> str:
    kind = {"errors_200": f"{fault.shape}-{fault.code}", "5xx": str(fault.status)}.get(fault.kind, fault.kind)
    return f"{kind}-{fault.where}" if fault.kind == "reset" else f"{kind}-{fault.items}" if fault.items > 1 else kind


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=1, items=25, columns=5)) as running:
        yield running


class Warehouse:
    """A destination that has been synced once, and a way to sync it again with a fault in place."""

    def __init__(self, sandbox: Sandbox, destination: str, folder: Path) -> None:
        self.sandbox = sandbox
        account = AccountSettings(url=sandbox.url, retries=1, timeout=0.3, page_size=10)
        self.loaded = Loaded(
            settings=Settings(destination=destination, account=account),
            folder=folder,
            token=Secret(sandbox.token),
            destination=Secret(destination),
        )
        self.item = sandbox.account.boards[0].item_id(0)
        self._rounds = count()

    def sync(self, clock: FastClock | None = None) -> list[str]:
        """Sync; out: each cell that differs from the account."""
        with App(self.loaded, clock=clock or FastClock()) as app:
            report = app.sync()
            return compare_account(self.sandbox.account, [b.plan for b in report.boards], app.destination).differences

    def new_round(self) -> str:
        """Change the account, so that old and new can be told apart."""
        name = f"round {next(self._rounds)}"
        self.sandbox.account.rename_item(self.item, name)
        return name

    def live(self) -> tuple[object, ...]:
        """What the whole live namespace says."""
        with App(self.loaded, clock=FastClock()) as app:
            said = []
            generations = [each for each in app.destination.generations() if each.state is State.LIVE]
            for table in sorted(table.name for each in generations for table in each.tables):
                rows = app.destination.query(f"SELECT * FROM monday.{table}")[1]
                said.append((table, sorted(map(repr, rows))))
            return tuple(said)


@pytest.fixture(scope="module")
def warehouse(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("every_call")
    warehouse = Warehouse(sandbox, f"duckdb:///{folder / 'warehouse.duckdb'}", folder)
    assert warehouse.sync() == []
    return warehouse


def calls_of(place: int) -> range | tuple[int, ...]:
    return range(1, CALLS + 1) if WHOLE else (1 + place % CALLS, 1 + (place + 3) % CALLS)


ONCE = [(fault, call) for place, fault in enumerate(FAULTS) for call in calls_of(place)]
ALWAYS = [(fault, call) for place, fault in enumerate(FAULTS) for call in calls_of(place)[:: 1 if WHOLE else 2]]


@pytest.mark.parametrize(("fault", "call"), ONCE, ids=[f"{named(f)}-at-{c}" for f, c in ONCE])
def test_a_fault_that_passes_loses_nothing(warehouse: Warehouse, fault: Fault, call: int) -> None:
    """One call goes wrong once: the new table is whole, or the old one is untouched and the error says so."""
    attack(warehouse, replace(fault, after=call - 1, times=1))


@pytest.mark.parametrize(("fault", "call"), ALWAYS, ids=[f"{named(f)}-from-{c}" for f, c in ALWAYS])
def test_a_fault_that_stays_loses_nothing(warehouse: Warehouse, fault: Fault, call: int) -> None:
    """Everything goes wrong from some call on: the new table is whole, or the old one is untouched."""
    attack(warehouse, replace(fault, after=call - 1, times=None))


def attack(warehouse: Warehouse, fault: Fault) -> None:
    before = warehouse.live()
    new = warehouse.new_round()
    book = warehouse.sandbox.service.faults
    hits = warehouse.sandbox.service.stats.faults
    already = hits.total()
    book.add(fault)
    clock = FastClock()
    try:
        differences = warehouse.sync(clock)
    except BoardliftError as error:
        assert warehouse.live() == before, "an error, and yet the live tables changed"
        tell_whole(error)
    else:
        assert differences == []
        assert new in repr(warehouse.live())
        told = TOLD * min(hits.total() - already, 1) if fault.seconds == TOLD else 0.0
        assert clock.slept >= told, "waited for less than was told"
    finally:
        book.clear()


def tell_whole(error: BoardliftError) -> None:
    """What happened, that production is unchanged, what to do."""
    assert error.message.endswith((".", ")"))
    assert UNCHANGED in error.message
    assert error.hint
