"""The gate between staging and swap, through the real command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boardlift.cli.errors import FAILED, OK, USAGE
from boardlift.sandbox import Account, Fault, Sandbox
from support.commands import CommandLine, configuration
from support.rounds import reading
from support.warehouses import destination

__all__ = ["destination"]  # fixtures


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=1, items=20, columns=3)) as running:
        yield running


def emptied(sandbox: Sandbox) -> None:
    removed(sandbox, 20)


def shrunken(sandbox: Sandbox) -> None:
    removed(sandbox, 5)


def removed(sandbox: Sandbox, items: int) -> None:
    board = sandbox.account.boards[0]
    for place in range(items):
        sandbox.account.delete_item(board.item_id(place))


def lying(sandbox: Sandbox) -> None:
    """No page ever has its last items: what is lost once is found by a second reading."""
    sandbox.service.faults.add(Fault("partial_page", operation="FirstItems", items=3, times=None))


def doubled(sandbox: Sandbox) -> None:
    sandbox.service.faults.add(Fault("duplicate_item", operation="FirstItems"))


def rows_live(destination: str) -> int:
    with reading(destination) as connection:
        return int(connection.execute("SELECT count(*) FROM monday.benchmark").fetchall()[0][0])


CASES: tuple[tuple[Callable[[Sandbox], None], tuple[str, ...], int], ...] = (
    (emptied, ("not_empty", "not_shrunken"), 0),
    (shrunken, ("not_shrunken",), 15),
    (lying, ("count",), 17),
    (doubled, ("key_unique",), 20),
)


@pytest.mark.parametrize(("spoil", "checks", "let_through"), CASES, ids=[case[0].__name__ for case in CASES])
def test_what_is_not_right_is_blocked_until_somebody_says_why(
    sandbox: Sandbox,
    destination: str,
    tmp_path: Path,
    spoil: Callable[[Sandbox], None],
    checks: tuple[str, ...],
    let_through: int,
) -> None:
    """The right check says no and production stays; its name and a reason let the data pass, which is recorded."""
    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
    assert command.run("sync").code == OK
    spoil(sandbox)
    blocked = command.run("sync", "--json")
    assert blocked.code == FAILED
    error = blocked.document["error"]
    assert error["type"] == "CheckFailed"
    failed = {check["check"] for check in error["checks"] if not check["passed"]}
    assert set(checks) <= failed
    assert "Production was not changed." in error["message"]
    assert all(f"--override {name}" in error["hint"] for name in failed)
    assert rows_live(destination) == 20
    newest = command.run("runs", "--limit", "1", "--json").document["runs"][0]
    assert newest["status"] == "blocked"
    assert {check["check"] for check in newest["checks"] if check["verdict"] == "blocked"} == failed
    flags = [flag for name in sorted(failed) for flag in ("--override", name)]
    assert command.run("sync", *flags).code == USAGE
    assert command.run("sync", *flags, "--reason", " ").code == USAGE
    assert rows_live(destination) == 20
    if sandbox.service.stats.faults:
        spoil(sandbox)  # a fault hits once
    passed = command.run("sync", *flags, "--reason", "the board was tidied up")
    assert passed.code == OK, passed.err
    assert rows_live(destination) == let_through
    newest = command.run("runs", "--limit", "1", "--json").document["runs"][0]
    assert {check["check"] for check in newest["checks"] if check["verdict"].startswith("overridden")} == failed
    assert all("tidied up" in check["verdict"] for check in newest["checks"] if check["verdict"] != "passed")
