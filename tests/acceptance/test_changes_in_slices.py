"""Many changes of one board are read beside each other where monday takes the question, and else one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.settings import AccountSettings, DefaultSettings
from support.apps import make_app
from support.synced import Synced, of_board

ITEMS = 700
CHANGED = 250
PAGE = 100


class Sliced(Synced):
    """Small pages, and an account of which it is known that it takes ranges of creation times."""

    def __init__(self, sandbox: Sandbox, destination: str, folder: Path) -> None:
        super().__init__(sandbox, destination, folder)
        self._make = lambda url: make_app(
            sandbox,
            destination,
            folder,
            account=AccountSettings(url=url or sandbox.url, retries=1, timeout=20, page_size=PAGE, parallel_calls=6),
            defaults=DefaultSettings(mode="incremental", sweep="never"),
        )
        self.run()
        with self.app() as app:
            app.ledger.about(sandbox.url).keep("creation filter", "instants with attribute")

    def work(self, lose: int = 0) -> None:
        """Change some items, delete and add a few; `lose` of the log's events."""
        account, board = self.account, self.account.boards[0]
        for place in board.active()[: 2 * CHANGED : 2]:
            account.rename_item(board.item_id(place), "changed")
        for place in board.active()[-6::2]:
            account.delete_item(board.item_id(place))
        account.add_items(board.id, 2)
        del board.log[len(board.log) - lose :]

    def calls(self) -> dict[str, int]:
        operations = self.sandbox.stats()["operations"]
        assert isinstance(operations, dict)
        return {name: operations.get(name, {}).get("calls", 0) for name in ("NewestItems", "NextItems", "ItemsById")}


@pytest.fixture
def sliced(tmp_path: Path) -> Iterator[Callable[..., Sliced]]:
    running: list[Sandbox] = []

    def make(**options: object) -> Sliced:
        account = Account.many(boards=1, items=ITEMS, columns=4)
        running.append(Sandbox(account, SandboxOptions(**options)))  # type: ignore[arg-type]
        return Sliced(running[0].__enter__(), f"duckdb:///{tmp_path / 'warehouse.duckdb'}", tmp_path)

    yield make
    for sandbox in running:
        sandbox.__exit__(None, None, None)


def spent(sliced: Sliced, lose: int = 0) -> dict[str, int]:
    """The calls for changes of a run that brings the truth."""
    sliced.account.advance(600)
    sliced.work(lose)
    before = sliced.calls()
    assert of_board(sliced.run(), 0, sliced.account) == ("incremental", 2, CHANGED, 3)
    return {name: calls - before[name] for name, calls in sliced.calls().items()}


def test_as_many_calls_as_one_chain(sliced: Callable[..., Sliced]) -> None:
    """Three pages of changes, one for those that have gone; again when all of it changes once more."""
    made = sliced()
    for _ in range(2):
        assert spent(made) == {"NewestItems": 3, "NextItems": 0, "ItemsById": 1}


def test_a_log_that_lost_some(sliced: Callable[..., Sliced]) -> None:
    """Pages that were asked too small are followed by full ones; the truth arrives all the same."""
    calls = spent(sliced(), lose=120)
    assert calls["NewestItems"] >= 2


@pytest.mark.parametrize("options", [{"filter_forms": frozenset()}, {"filters_ignored": True}])
def test_an_account_that_does_not_take_it(sliced: Callable[..., Sliced], options: dict[str, object]) -> None:
    """One chain instead; and it is not asked again."""
    made = sliced(**options)
    spent(made)
    assert spent(made)["NewestItems"] == 1


@pytest.mark.parametrize("seconds", [-45, 45, -20 * 365 * 86_400])
def test_a_filter_that_is_off(sliced: Callable[..., Sliced], seconds: int) -> None:
    """By a little, or so far that it gives nothing: no item is lost."""
    spent(sliced(filter_margin_seconds=seconds))
