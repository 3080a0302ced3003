"""Items and cells that monday fails on, among failures that pass and people who work meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec

from boardlift.errors import SourceUnavailable
from boardlift.monday.chain import Errors
from boardlift.monday.isolate import Unreadable, isolate
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.monday.windows import BoardRead, read_board
from boardlift.spool import SpoolRun
from unit.monday.reading import OwnedClock, answer, client_of, refusal

SELECTION = Selection(("status", "people", "date"))
BOARD = BoardSummary(id="1", name="Planning", items_count=3)
BAD = refusal("INTERNAL_SERVER_ERROR")
Before = Callable[[str, dict[str, object]], httpx.Response | None]


def nothing(_: str, __: dict[str, object]) -> httpx.Response | None:
    return None


class Ailing:
    """A board of which one cell cannot be computed; `before` may answer a call in its stead, by operation."""

    def __init__(self, before: Before = nothing) -> None:
        self.before = before
        self.calls: list[tuple[str, list[str], str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content)
        operation = sent["query"].removeprefix("query ").partition("(")[0]
        columns = list(sent["variables"].get("columns", ()))
        self.calls.append((operation, columns, sent["query"]))
        if (instead := self.before(operation, sent["variables"])) is not None:
            return instead
        ids = sent["variables"].get("ids", ["10", "11", "12"])
        if "11" in ids and "people" in columns:
            return BAD
        items = [self.item(each, columns) for each in ids]
        if operation == "ItemsById":
            return answer({"items": items})
        return answer({"boards": [{"id": "1", "items_page": {"cursor": None, "items": items}}]})

    @staticmethod
    def item(number: str, columns: list[str]) -> dict[str, object]:
        cells = [{"id": column, "text": f"{column} of {number}"} for column in columns]
        return {"id": number, "name": "x", "state": "active", "board": {"id": "1"}, "column_values": cells}


def read(monday: Ailing, folder: Path) -> BoardRead:
    spool = SpoolRun.open(folder, "r", clock=OwnedClock())
    end = list(read_board(client_of(monday, retries=1), BOARD, SELECTION, spool, page_size=10))[-1]
    assert isinstance(end, BoardRead)
    return end


def test_one_cell_is_set_apart(tmp_path: Path) -> None:
    """Its item is there with the others."""
    end = read(Ailing(), tmp_path)
    assert (end.items, [(cell.item, cell.column) for cell in end.unreadable]) == (3, [(11, "people")])


def test_a_failure_that_passes_does_not_end_the_search(tmp_path: Path) -> None:
    """A server that fails on a cell may fail for a moment as well."""
    failed: list[str] = []

    def once(operation: str, variables: dict[str, object]) -> httpx.Response | None:
        kind = f"{operation}{len(variables.get('columns', ()))}{variables.get('ids')}"  # type: ignore[arg-type]
        if kind in failed or (operation == "FirstItems" and "columns" in variables):
            return None
        failed.append(kind)
        return httpx.Response(502)

    end = read(Ailing(once), tmp_path)
    assert (end.items, [(cell.item, cell.column) for cell in end.unreadable]) == (3, [(11, "people")])


def test_an_item_that_leaves_while_its_cells_are_asked_for_is_not_kept_empty() -> None:
    """No cell of it came, which is not the same as that all are empty."""

    def archived(operation: str, variables: dict[str, object]) -> httpx.Response | None:
        if variables["ids"] == ["11"] and variables.get("columns") == ["status"]:
            return answer({"items": [{**Ailing.item("11", []), "state": "archived"}]})
        return None

    error = SourceUnavailable("failed")
    found = list(isolate(client_of(Ailing(archived)), BOARD, SELECTION, [10, 11, 12], error))
    assert [msgspec.json.decode(item)["id"] for item, _ in found] == ["10", "12"]


def test_cells_of_several_levels_are_asked_for_as_in_pages() -> None:
    """Without the capability, cells that roll up are empty."""
    monday = Ailing()
    board = BoardSummary(id="1", name="Levels", items_count=3, hierarchy_type="multi_level")
    list(isolate(client_of(monday), board, SELECTION, [10], SourceUnavailable("failed")))
    assert "CALCULATED" in monday.calls[0][2]


def test_a_cell_that_two_chains_meet_is_told_once() -> None:
    """Its quarantine has one row; and what is void is not told at all."""
    errors = Errors()
    for _ in range(2):
        errors.set_apart([Unreadable(11, "people", "failed")])
    assert len(errors.unreadable()) == 1
    errors.clear()
    assert errors.unreadable() == ()
