"""The comparison of a destination with the account finds one wrong cell, and a row too many or too few."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from boardlift.sandbox import Account, Sandbox
from support.apps import make_app
from support.truth import compare_account

ONE_ITEM = "item_id = (SELECT min(item_id) FROM benchmark__g1)"
ONE_LINK = "item_id = (SELECT min(item_id) FROM benchmark__owner__g1)"

TWICE = (
    "CREATE OR REPLACE VIEW monday.benchmark AS"
    " FROM monday__boardlift.benchmark__g1 UNION ALL (FROM monday__boardlift.benchmark__g1 LIMIT 1)"
)


@pytest.mark.parametrize(
    ("harm", "where"),
    [
        (f"UPDATE benchmark__g1 SET name = name || '.' WHERE {ONE_ITEM}", "].name: "),
        (f"UPDATE benchmark__g1 SET quantity = -7 WHERE {ONE_ITEM}", "].quantity: "),
        (f"UPDATE benchmark__g1 SET updated_at = updated_at + INTERVAL 1 SECOND WHERE {ONE_ITEM}", "].updated_at: "),
        (f"DELETE FROM benchmark__g1 WHERE {ONE_ITEM}", "benchmark: set of items: "),
        (TWICE, "benchmark: rows: "),
        (f"DELETE FROM benchmark__owner__g1 WHERE {ONE_LINK}", "]: rows: "),
        (f"UPDATE benchmark__owner__g1 SET id = -7 WHERE {ONE_LINK}", "].id: "),
        (
            f"UPDATE benchmark__owner__g1 SET item_id = -7 WHERE {ONE_LINK}",
            "benchmark__owner: links of unknown items: ",
        ),
    ],
)
def test_harm_is_found(harm: str, where: str, tmp_path: Path) -> None:
    """Before it there is no difference, after it there is one that says where."""
    account = Account.many(boards=1, items=8, columns=0)
    account.builder.columns(account.boards[0], "text numbers people")
    file = tmp_path / "warehouse.duckdb"
    with Sandbox(account) as sandbox, make_app(sandbox, f"duckdb:///{file}", tmp_path) as app:
        plans = [board.plan for board in app.sync().boards]
        assert compare_account(account, plans, app.destination).differences == []
    with duckdb.connect(str(file)) as base:
        base.execute("USE monday__boardlift")
        base.execute(harm)
    with Sandbox(account) as sandbox, make_app(sandbox, f"duckdb:///{file}", tmp_path) as app:
        found = compare_account(account, plans, app.destination).differences
    assert [each for each in found if where in each] != []
