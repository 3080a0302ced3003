"""From boardlift.yaml to the boards of a run: how each of them is replaced."""

from __future__ import annotations

import pytest

from boardlift.clock import SystemClock
from boardlift.destinations.interface import Replace
from boardlift.ledger import Ledger
from boardlift.monday.client import MondayClient
from boardlift.normalize.planning import plan_boards, replace_of
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.settings import BoardSettings, DefaultSettings, Settings

SETTINGS = Settings(
    destination="x",
    defaults=DefaultSettings(replace="in_place"),
    boards=[
        BoardSettings(id=7, replace="swap"),
        BoardSettings(match="Cust*", replace="swap"),
        BoardSettings(match="*"),
    ],
)


@pytest.mark.parametrize(
    ("board_id", "title", "way"),
    [
        ("7", "Anything", Replace.SWAP),
        ("8", "Customers", Replace.SWAP),
        ("8", "Orders", Replace.IN_PLACE),
        ("8", "", Replace.IN_PLACE),
    ],
)
def test_the_way_of_a_board_is_known_without_monday(board_id: str, title: str, way: Replace) -> None:
    """By id before by name before the default, as for a sync."""
    assert replace_of(SETTINGS, board_id, title) is way


def test_subitems_follow_their_board(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Unless their own board is named in boardlift.yaml."""
    folder = tmp_path_factory.mktemp("planning")
    with (
        Sandbox(Account(size=0.02), SandboxOptions()) as sandbox,
        MondayClient(sandbox.url, sandbox.token, "2026-10", clock=SystemClock()) as client,
        Ledger.open(folder / "ledger.sqlite", SystemClock()) as ledger,
    ):
        plans = plan_boards(client, Settings(destination="x"), ledger).boards
        (parent_key, child) = next(
            (plan.key, other) for plan in plans for other in plans if other.is_subitems and plan.table in other.table
        )

        def ways(*boards: BoardSettings) -> dict[str, Replace]:
            settings = Settings(destination="x", boards=list(boards))
            return {plan.key: plan.replace for plan in plan_boards(client, settings, ledger).boards}

        parent = BoardSettings(id=int(parent_key), replace="in_place")
        assert ways(parent) == {parent_key: Replace.IN_PLACE, child.key: Replace.IN_PLACE}
        own = BoardSettings(id=int(child.key), replace="swap")
        assert ways(parent, own)[child.key] is Replace.SWAP
