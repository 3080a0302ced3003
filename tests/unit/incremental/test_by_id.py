"""Items asked for by id, and the newest items of a board."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from boardlift.errors import SourceIncomplete
from boardlift.incremental.ids import comparing
from boardlift.monday.by_id import Fate, fetch, settle
from boardlift.monday.client import MondayClient
from boardlift.monday.delta import NotNewestFirst, read_delta
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.progress import Silent
from boardlift.sandbox import Account, Sandbox
from boardlift.spool.run import SpoolRun
from boardlift.testing.arrow import Rows
from support.meddler import meddling

SELECTION = Selection(("status",), text=True, value=False)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = Account.many(boards=2, items=450, columns=0)
    for board in account.boards:
        account.builder.columns(board, "status")
    with Sandbox(account) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[MondayClient]:
    with MondayClient(sandbox.url, sandbox.token, retries=0) as opened:
        yield opened


@pytest.fixture
def spool(tmp_path: Path) -> SpoolRun:
    return SpoolRun.open(tmp_path, "run")


def summary(sandbox: Sandbox, place: int = 0) -> BoardSummary:
    board = sandbox.account.boards[place]
    return BoardSummary(id=str(board.id), name=board.name)


def asked(sandbox: Sandbox, operation: str) -> int:
    operations = sandbox.stats()["operations"]
    assert isinstance(operations, dict)
    return int(operations.get(operation, {}).get("calls", 0))


def test_the_fate_of_items(sandbox: Sandbox, client: MondayClient) -> None:
    """A hundred a call; none is taken for gone because a list was cut."""
    account, board = sandbox.account, sandbox.account.boards[0]
    ids = [board.item_id(place) for place in range(250)]
    account.delete_item(ids[0])
    account.archive_item(ids[1])
    account.move_item(ids[2], board=account.boards[1].id)
    found = settle(client, summary(sandbox), [*ids, 12345])
    assert asked(sandbox, "ItemsById") == 3
    assert {item: each.fate for item, each in found.items() if each.fate is not Fate.HERE} == {
        ids[0]: Fate.DELETED,
        ids[1]: Fate.ARCHIVED,
        ids[2]: Fate.MOVED,
        12345: Fate.ABSENT,
    }
    assert len(found) == 251
    assert settle(client, summary(sandbox), []) == {}


@pytest.mark.parametrize("code", ["USER_UNAUTHORIZED", "A_NEW_CODE"])
def test_an_error_beside_the_items(sandbox: Sandbox, code: str) -> None:
    """An item that may not be seen is not here any more; one that is missing for another reason may be anywhere."""

    def meddle(_asked: bytes, said: bytes) -> bytes:
        answer = json.loads(said)
        answer["data"]["items"][1] = None
        answer["errors"] = [{"message": "No", "path": ["items", 1], "extensions": {"code": code}}]
        return json.dumps(answer).encode()

    board = sandbox.account.boards[0]
    ids = [board.item_id(place) for place in range(3)]
    with meddling(sandbox, meddle) as url, MondayClient(url, sandbox.token, retries=0) as client:
        if code == "USER_UNAUTHORIZED":
            assert settle(client, summary(sandbox), ids)[ids[1]].fate is Fate.ABSENT
        else:
            with pytest.raises(SourceIncomplete, match="1 of 3 items"):
                settle(client, summary(sandbox), ids)


def test_items_in_full_are_windows_of_the_board(sandbox: Sandbox, client: MondayClient, spool: SpoolRun) -> None:
    """Those that are not on it any more are told apart and lie in no window."""
    account, board = sandbox.account, sandbox.account.boards[0]
    ids = [board.item_id(place) for place in range(130)]
    account.delete_item(ids[5])
    spool.begin(str(board.id), None)
    found = fetch(client, summary(sandbox), SELECTION, spool, ids)
    assert sum(window.items for window in found.windows) == len(found.items) == 129
    assert {item: each.fate for item, each in found.gone.items()} == {ids[5]: Fate.DELETED}
    assert found.windows[0].cell_order == ("status",)


@pytest.mark.parametrize("expected", [0, 40, 460])
def test_the_newest_items_down_to_a_moment(
    sandbox: Sandbox, client: MondayClient, spool: SpoolRun, expected: int
) -> None:
    """However many were expected: what changed since is there, and nothing else."""
    account, board = sandbox.account, sandbox.account.boards[0]
    begun = datetime.fromtimestamp(int(account.now()), UTC)
    changed = {board.item_id(place) for place in range(0, 120, 3)}
    for item in changed:
        account.rename_item(item, "changed")
    found = read_delta(
        *(client, summary(sandbox), SELECTION, spool),
        since=begun - timedelta(minutes=5),
        begun=begun + timedelta(minutes=5),
        expected=expected,
        most=1_000,
        page_size=100,
        progress=Silent(),
    )
    assert found.items.keys() == changed
    assert sum(window.items for window in found.windows) == 40
    assert asked(sandbox, "NextItems") <= 2


def test_an_order_that_nobody_asked_for(sandbox: Sandbox, spool: SpoolRun) -> None:
    """Board order is not newest first; a list without times is none at all."""
    board = sandbox.account.boards[0]
    begun = datetime.fromtimestamp(sandbox.account.now(), UTC)
    for change in ("order", "time"):

        def meddle(_asked: bytes, said: bytes, change: str = change) -> bytes:
            answer = json.loads(said)
            items = answer["data"]["boards"][0]["items_page"]["items"]
            if change == "order":
                items.sort(key=lambda item: item["id"])
            else:
                items[3]["updated_at"] = None
            return json.dumps(answer).encode()

        with (
            meddling(sandbox, meddle) as url,
            MondayClient(url, sandbox.token) as client,
            pytest.raises(NotNewestFirst, match=str(board.id)),
        ):
            read_delta(
                *(client, summary(sandbox), SELECTION, spool),
                since=begun - timedelta(days=9000),
                begun=begun,
                expected=20,
                most=1_000,
                page_size=100,
                progress=Silent(),
            )


def test_ids_are_compared_range_by_range(
    sandbox: Sandbox, client: MondayClient, spool: SpoolRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies before the first cut, after the last, or on one of them."""
    from boardlift.destinations.duckdb.engine import DuckDB
    from boardlift.destinations.interface import StagedGroup
    from boardlift.incremental import ids as module
    from boardlift.normalize.boards import BASE_COLUMNS
    from boardlift.shape.table import Table

    monkeypatch.setattr(module, "_AT_ONCE", 7)
    board = sandbox.account.boards[0]
    here = [board.item_id(place) for place in range(40)]
    spool.begin(str(board.id), None)
    windows = fetch(client, summary(sandbox), SELECTION, spool, [*here[1:-1], board.item_id(50)]).windows
    destination = DuckDB(f"duckdb:///{tmp_path / 'w.duckdb'}", "monday")
    destination.prepare()
    ref = destination.stage("1", 1, Table("t", BASE_COLUMNS, ("item_id",)))
    for item in [*here, 1, 2**60]:
        place = board.place_of(item) or 0
        at, group = datetime.fromtimestamp(board.updated(place), UTC), board.group_of(place)
        moved = timedelta(seconds=item == here[7])
        row = f"SELECT {item}, 'n', '{group}', 'g', NULL, TIMESTAMPTZ '{at + moved}', 1, 'u'"
        destination.append(ref, Rows(row))
    destination.promote("run", [StagedGroup("1", 1, ((ref, 42),))])
    with comparing(tmp_path / "scratch", windows, destination, "t") as ids:
        assert sorted(ids.vanished()) == sorted([1, here[0], here[-1], 2**60])
        assert ids.appeared() == [board.item_id(50)]
        assert ids.changed() == [here[7]]
        assert ids.present([here[3], 1, 99]) == [here[3]]
        assert ids.count == 39
    asked: list[int] = []
    states = module.states_between
    monkeypatch.setattr(module, "states_between", lambda *given: asked.append(len(states(*given))) or states(*given))
    with comparing(tmp_path / "scratch", [], destination, "t") as ids:
        assert len(ids.vanished()) == 42  # all of them gone from monday, and yet a few at a time
    assert max(asked) <= 2 * 7
    assert sum(asked) == 42
    destination.close()
