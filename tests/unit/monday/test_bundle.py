"""Small boards that share a call: which do, what comes of it, and what they cost."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from boardlift.errors import BudgetExhausted, SourceError
from boardlift.monday.bundle import BOARDS_AT_ONCE, bundles, read_first_pages
from boardlift.monday.client import MondayClient
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.monday.reading import BoardReading
from boardlift.monday.windows import BoardRead
from boardlift.spool import SpoolRun
from unit.monday.reading import OwnedClock, Script, answer, client_of, item, refusal

THIN = Selection(())


def board(number: int, items: int | None, *, levels: str | None = None) -> BoardSummary:
    return BoardSummary(id=str(number), name=f"Board {number}", items_count=items, hierarchy_type=levels)


def reading(client: MondayClient, of: BoardSummary, folder: Path, page_size: int = 500) -> BoardReading:
    return BoardReading(client, of, THIN, SpoolRun.open(folder, of.id, clock=OwnedClock()), page_size=page_size)


def test_small_boards_share_calls_and_others_do_not() -> None:
    """Up to ten, up to the cells of a large page; neither large ones nor those whose size is not known."""
    wide = Selection(tuple(map(str, range(150))))
    boards = [(board(n, 50), THIN) for n in range(12)]
    special = [(board(90, 101), THIN), (board(91, None), THIN), (board(92, 5, levels="multi_level"), THIN)]
    made = bundles([*boards, *special], limit=None)
    assert sorted(map(len, made)) == [1, 1, 1, 2, BOARDS_AT_ONCE]
    assert [len(each) for each in bundles([(board(n, 100), wide) for n in range(3)], limit=None)] == [1, 1, 1]
    assert all(len(each) == 1 for each in bundles(boards, limit=10))


def test_what_the_call_cost_is_shared_by_size(tmp_path: Path) -> None:
    """Points and bytes in all are those of the answer, but for rounding."""
    page = {"b0": [{"items_page": {"items": [item(n) for n in range(9)]}}], "b1": [{"items_page": {"items": []}}]}
    cost = {"query": 1000, "before": 5000, "after": 4000, "reset_in_x_seconds": 60}
    client = client_of(Script(answer({"complexity": cost, **page})))
    found = list(read_first_pages(client, [reading(client, board(n, 9), tmp_path) for n in range(2)], 500))
    costs = [first.cost for _, first in found if first]
    assert sum(each.points for each in costs) == 1000
    assert costs[0].points > 8 * costs[1].points > 0


@pytest.mark.parametrize(
    "failure",
    [
        refusal("USER_UNAUTHORIZED"),
        refusal("INTERNAL_SERVER_ERROR"),
        refusal("InvalidArgumentException"),
        httpx.Response(504),
        answer({"b0": [], "b1": [{"items_page": {"items": []}}]}),
        answer(
            {"b0": [{"items_page": {"items": []}}], "b1": [{"items_page": {"items": []}}]}, errors=[{"message": "?"}]
        ),
    ],
)
def test_what_one_of_them_may_be_to_blame_for_is_found_out_one_by_one(failure: httpx.Response, tmp_path: Path) -> None:
    """No board goes down with another."""
    client = client_of(lambda _: failure)
    found = list(read_first_pages(client, [reading(client, board(n, 9), tmp_path) for n in range(2)], 500))
    if failure.status_code == 200 and b'"b0":[]' in failure.content:
        assert [first is not None for _, first in found] == [False, False]
    assert found[0][1] is None


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), refusal("DAILY_LIMIT_EXCEEDED")])
def test_what_is_everybodys_ends_it(failure: httpx.Response | Exception, tmp_path: Path) -> None:
    """Asking one by one would only be more of the same."""

    def monday(_: httpx.Request) -> httpx.Response:
        if isinstance(failure, Exception):
            raise failure
        return failure

    client = client_of(monday, retries=0)
    with pytest.raises(SourceError) as told:
        list(read_first_pages(client, [reading(client, board(1, 9), tmp_path)], 500))
    assert not isinstance(told.value, BudgetExhausted)


def test_a_first_page_in_the_boards_order_leads_to_no_conclusion_from_creation_times(tmp_path: Path) -> None:
    """Sorted by chance, it must not make a chain that breaks off leave out older items that were to come."""

    def made(number: int, day: int) -> dict[str, object]:
        return {"id": str(number), "created_at": f"2024-01-{day:02d}T00:00:00Z"}

    first = [made(n, 10 + n) for n in range(5)]
    rest = [made(10 + n, 1) for n in range(3)]
    one, two = (
        answer({"boards": [{"items_page": {"cursor": "c", "items": first}}]}),
        answer({"next_items_page": {"cursor": None, "items": rest}}),
    )
    pages = answer({"b0": [{"items_page": {"cursor": "a", "items": first}}]})
    client = client_of(Script(pages, refusal("CursorException"), one, two))
    small = reading(client, board(1, 8), tmp_path, page_size=5)
    _, part = small.begin()
    ((_, given),) = read_first_pages(client, [small], 5)
    assert given is not None
    small.given(part, given)
    events = list(small.run(part))
    assert isinstance(events[-1], BoardRead)
    assert (events[-1].items, events[-1].calls) == (8, 4)
