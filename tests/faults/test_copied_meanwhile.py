"""What is live is copied while its changes are being read: whatever goes wrong with either, nobody is the wiser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.app import App
from boardlift.errors import BoardliftError, DestinationError, SourceError
from boardlift.incremental import ahead
from boardlift.load.stage import Staging
from boardlift.sandbox import Account, Fault, Sandbox
from support.meddler import meddling
from support.synced import Synced, of_board

ITEMS = 120
RENAMED = range(0, 40, 2)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = Account.many(boards=2, items=ITEMS, columns=0)
    for board in account.boards:
        account.builder.columns(board, "text status people tags")
    with Sandbox(account) as running:
        yield running


@pytest.fixture(params=["duckdb", "postgresql"])
def synced(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Synced:
    """Read once, and then worked on."""
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    else:
        url = f"{request.param}:///{tmp_path / 'warehouse.db'}"
    made = Synced(sandbox, url, tmp_path)
    made.run()
    account, board = sandbox.account, sandbox.account.boards[0]
    account.advance(600)
    for place in RENAMED:
        account.rename_item(board.item_id(place), "renamed")
    account.delete_item(board.item_id(50))
    return made


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables copied, in order."""
    found: list[str] = []
    carry = Staging.carry

    def told(self: Staging, table: object, *rest: object) -> int:
        found.append(table.name)  # type: ignore[attr-defined]
        return carry(self, table, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Staging, "carry", told)
    return found


def state(app: App) -> tuple[object, ...]:
    """The live generations, the watermarks, and the rows of the first board."""
    live = app.live()
    table = app.destination.address(next(iter(live.values())).tables[0].name)
    rows = app.destination.query(f"SELECT item_id, name, updated_at FROM {table} ORDER BY item_id")[1]
    marks = app.ledger.watermarks(app.destination.identity, app.namespace)
    return repr(sorted((g.group, g.number) for g in live.values())), repr(sorted(marks.items())), rows


def staged(app: App) -> list[str]:
    """Tables that were staged and are in no generation: looking for them drops them."""
    with app.destination.lease("a test"):
        return app.destination.drop_staged()


def refused(synced: Synced, error: type[BoardliftError]) -> None:
    """A run ends so; nothing that is live has changed, and nothing that was staged is left."""
    with synced.app() as app:
        before = state(app)
    with synced.app() as app, pytest.raises(error) as caught:
        app.sync()
    assert "Production was not changed." in caught.value.message
    with synced.app() as app:
        assert state(app) == before
        assert staged(app) == []


def test_the_copy_is_made_once(synced: Synced, carried: list[str]) -> None:
    """When the log names all that was touched, the copy made meanwhile is the one that goes live."""
    assert of_board(synced.run(), 0, synced.account) == ("incremental", 0, len(RENAMED), 1)
    assert len(carried) == len(set(carried)) > 1


def test_an_edit_after_the_log_was_read(synced: Synced, carried: list[str]) -> None:
    """More was touched than the log named: the copy is made again, without that too; the truth arrives."""
    account, board = synced.account, synced.account.boards[0]
    late = iter([board.item_id(70)])

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"Glance" in asked:
            for item in late:
                account.rename_item(item, "after the log was read")
        return said

    with meddling(synced.sandbox, meddle) as url:
        report = synced.run(url=url, quiet=False)
    assert of_board(report, 0, account) == ("incremental", 0, len(RENAMED) + 1, 1)
    assert len(carried) == 2 * len(set(carried))
    with synced.app() as app:
        assert staged(app) == []


def test_a_board_that_is_read_in_full_after_all(synced: Synced) -> None:
    """Its tables hold nothing of the copy; what was begun for it is dropped or filled anew."""
    account = synced.account

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"NewestItems" in asked:
            answer = json.loads(said)
            answer["data"]["boards"][0]["items_page"]["items"].reverse()
            return json.dumps(answer).encode()
        return said

    with meddling(synced.sandbox, meddle) as url:
        report = synced.run(url=url, quiet=False)
    assert of_board(report, 0, account)[0] == "full"
    assert any("newest first" in board.record.reason for board in report.boards)
    with synced.app() as app:
        assert staged(app) == []


@pytest.mark.parametrize("operation", ["NewestItems", "ItemsById", "BoardCounts"])
def test_a_reading_that_fails_beside_the_copy(synced: Synced, operation: str) -> None:
    """Nothing staged stays, and the next run brings all of it."""
    synced.sandbox.service.faults.add(Fault("unauthorized_401", operation=operation))
    refused(synced, SourceError)
    assert of_board(synced.run(), 0, synced.account) == ("incremental", 0, len(RENAMED), 1)


@pytest.mark.parametrize("tables", [0, 1])
def test_a_copy_that_fails_beside_the_reading(synced: Synced, monkeypatch: pytest.MonkeyPatch, tables: int) -> None:
    """The same, whether it is the first table or one behind it."""
    carry = Staging.carry
    left = iter(range(tables))

    def fails(self: Staging, *given: object) -> int:
        if next(left, None) is None:
            raise DestinationError("The disk is full.")
        return carry(self, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Staging, "carry", fails)
        refused(synced, DestinationError)
    assert of_board(synced.run(), 0, synced.account) == ("incremental", 0, len(RENAMED), 1)


def test_a_copy_nobody_wants(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has changed after all: what was begun is dropped in the same run."""
    synced.run()
    monkeypatch.setattr(ahead, "_worth", lambda _changes: True)
    monkeypatch.setattr("boardlift.incremental.survey.is_quiet", lambda *_: False)
    report = synced.run()
    assert of_board(report, 0, synced.account) == ("unchanged", 0, 0, 0)
    with synced.app() as app:
        assert staged(app) == []
