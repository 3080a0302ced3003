"""Reading one board: pages, windows, cursors that expire, pages that shrink."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import httpx
import pytest
import zstandard

from boardlift.errors import CursorExpired, PermissionMissing, SourceIncomplete, SourceUnavailable
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.monday.windows import BoardRead, Restarted, read_board
from boardlift.spool import SpoolRun, Window, mix
from unit.monday.reading import OwnedClock, PagedBoard, Script, Told, answer, client_of, item, refusal

SELECTION = Selection(("status",))
BOARD = BoardSummary(id="1", name="Planning", items_count=2300)


@pytest.fixture
def spool(tmp_path: Path) -> SpoolRun:
    return SpoolRun.open(tmp_path, "run-1", clock=OwnedClock())


def items(count: int) -> list[dict[str, object]]:
    return [item(number) for number in range(18_000_000_000, 18_000_000_000 + count)]


def lines(window: Window) -> list[dict[str, object]]:
    with zstandard.open(window.path, "rb") as file:
        return [json.loads(line) for line in file.read().splitlines()]


def test_a_board_is_read_to_its_last_page(spool: SpoolRun) -> None:
    """Windows of 500 items, every item once and in order, and a certificate at the end."""
    monday = PagedBoard(items(2300))
    progress = Told()
    events = list(read_board(client_of(monday), BOARD, SELECTION, spool, progress=progress))
    windows = [event for event in events if isinstance(event, Window)]
    read = events[-1]
    assert isinstance(read, BoardRead)
    assert [window.items for window in windows] == [500, 500, 500, 500, 300]
    assert [each for window in windows for each in lines(window)] == monday.items
    assert (read.items, read.pages, read.calls, read.points, read.windows) == (2300, 5, 5, 50, 5)
    assert read.id_sum == sum(mix(int(str(each["id"]))) for each in monday.items)
    assert (windows[0].cell_order, progress.items) == (("status",), 2300)


def test_windows_are_given_while_later_pages_are_still_to_come(spool: SpoolRun) -> None:
    """The first window is there after its pages, not after the board."""
    monday = PagedBoard(items(2300))
    reading = read_board(client_of(monday), BOARD, SELECTION, spool, pages_per_window=1)
    assert isinstance(next(reading), Window)
    assert len(monday.calls) == 1
    reading.close()
    assert not list(spool.folder.glob("**/*.partial"))


def test_an_empty_board_gives_no_window(spool: SpoolRun) -> None:
    """Only the certificate, and no file."""
    events = list(read_board(client_of(PagedBoard([])), BOARD, SELECTION, spool))
    assert [type(event) for event in events] == [BoardRead]
    assert not list(spool.folder.glob("**/*.zst*"))


def test_test_mode_stops_at_its_limit(spool: SpoolRun) -> None:
    """No item more is asked for or kept, and the certificate says it is not the whole board."""
    monday = PagedBoard(items(2300))
    read = list(read_board(client_of(monday), BOARD, SELECTION, spool, limit=700))[-1]
    assert isinstance(read, BoardRead)
    assert (read.items, read.limited) == (700, True)
    assert [call["limit"] for call in monday.calls] == [500, 200]
    assert not spool.manifest.complete


def test_a_limit_above_the_board_is_no_limit(spool: SpoolRun) -> None:
    """A small board is complete in test mode too."""
    read = list(read_board(client_of(PagedBoard(items(40))), BOARD, SELECTION, spool, limit=500))[-1]
    assert isinstance(read, BoardRead)
    assert (read.items, read.limited) == (40, False)


def test_an_expired_cursor_begins_the_board_again(spool: SpoolRun) -> None:
    """The windows before it are void, and what is loaded in the end is the board once."""
    expired = refusal("CursorException", "CursorExpiredError: The cursor provided for pagination has expired")
    monday = PagedBoard(items(1200), before=lambda number, _: expired if number == 3 else None)
    progress = Told()
    events = list(read_board(client_of(monday), BOARD, SELECTION, spool, pages_per_window=1, progress=progress))
    kinds = [type(event) for event in events]
    assert kinds == [Window, Window, Restarted, Window, Window, Window, BoardRead]
    after = [event for event in events[3:] if isinstance(event, Window)]
    assert [each for window in after for each in lines(window)] == monday.items
    assert len({event.path for event in events if isinstance(event, Window)}) == 5
    assert "expired" in progress.restarts[0]
    assert (spool.manifest.boards["1"].received, spool.manifest.boards["1"].restarts) == (1200, 1)


def test_a_cursor_that_expires_for_ever_is_an_error(spool: SpoolRun) -> None:
    """Three new beginnings, then it is told."""
    expired = refusal("CursorException", "expired")
    monday = PagedBoard(items(1200), before=lambda _, variables: expired if "cursor" in variables else None)
    with pytest.raises(CursorExpired, match=r"begun 4 times"):
        list(read_board(client_of(monday), BOARD, SELECTION, spool))


def test_the_same_cursor_twice_does_not_go_round_for_ever(spool: SpoolRun) -> None:
    """It is treated like one that expired."""
    page = {"cursor": "same", "items": [item(1)]}

    def monday(request: httpx.Request) -> httpx.Response:
        first = b"FirstItems" in request.content
        return answer({"boards": [{"items_page": page}]} if first else {"next_items_page": page})

    with pytest.raises(CursorExpired, match="same cursor twice"):
        list(read_board(client_of(monday), BOARD, SELECTION, spool))


def test_empty_pages_with_a_cursor_are_passed_over(spool: SpoolRun) -> None:
    """A page may be empty, or smaller than asked, while more is to come."""
    script = Script(
        answer({"boards": [{"items_page": {"cursor": "a", "items": []}}]}),
        answer({"next_items_page": {"cursor": "b", "items": [item(1)]}}),
        answer({"next_items_page": {"cursor": None, "items": [item(2)]}}),
    )
    read = list(read_board(client_of(script), BOARD, SELECTION, spool))[-1]
    assert isinstance(read, BoardRead)
    assert (read.items, read.pages) == (2, 3)


def test_empty_pages_without_end_are_an_error(spool: SpoolRun) -> None:
    """Ten in a row lead nowhere."""
    numbers = iter(range(100))

    def monday(request: httpx.Request) -> httpx.Response:
        page = {"cursor": f"c{next(numbers)}", "items": []}
        first = b"FirstItems" in request.content
        return answer({"boards": [{"items_page": page}]} if first else {"next_items_page": page})

    with pytest.raises(SourceIncomplete, match="10 empty pages"):
        list(read_board(client_of(monday), BOARD, SELECTION, spool))


@pytest.mark.parametrize(
    "too_much",
    [
        httpx.Response(504),
        refusal("INTERNAL_SERVER_ERROR"),
        refusal("ComplexityException", maxComplexity=5_000_000, complexity=9_000_000),
    ],
)
def test_a_page_too_large_is_halved(spool: SpoolRun, too_much: httpx.Response) -> None:
    """Down to what monday can answer; nothing is lost and progress is told."""
    monday = PagedBoard(
        items(600), before=lambda _, variables: too_much if int(str(variables["limit"])) > 130 else None
    )
    progress = Told()
    read = list(read_board(client_of(monday), BOARD, SELECTION, spool, progress=progress))[-1]
    assert isinstance(read, BoardRead)
    assert (read.items, read.page_size) == (600, 125)
    assert any("pages of 125 items instead of 250" in phase for phase in progress.phases)


def test_a_page_grows_back_when_monday_has_recovered(spool: SpoolRun) -> None:
    """A bad minute does not make the rest of a board slow; a size that fails again is tried half as often."""
    monday = PagedBoard(items(9000))
    bad = {1, 2, 11, 12}  # each size is tried twice before it is halved

    def fails(number: int, variables: dict[str, object]) -> httpx.Response | None:
        return httpx.Response(502) if number in bad else None

    monday.before = fails
    read = list(read_board(client_of(monday), BOARD, SELECTION, spool))[-1]
    assert isinstance(read, BoardRead)
    sizes = [call["limit"] for call in monday.calls]
    assert sizes[:2] == [500, 500]
    assert sizes[2:10] == [250] * 8
    assert sizes[10:12] == [500, 500]
    assert sizes[12:28] == [250] * 16
    assert set(sizes[28:]) == {500}
    assert (read.items, read.page_size) == (9000, 500)


def test_a_page_shrinks_to_twenty_five_and_no_further(spool: SpoolRun) -> None:
    """Then the failure is told as it is."""
    monday = PagedBoard(items(600), before=lambda *_: httpx.Response(504))
    with pytest.raises(SourceUnavailable, match="504"):
        list(read_board(client_of(monday), BOARD, SELECTION, spool))
    assert [call["limit"] for call in monday.calls][-4:] == [25, 25, 25, 25]


def test_a_network_that_is_down_does_not_shrink_pages(spool: SpoolRun) -> None:
    """The size is not to blame."""

    def nobody(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    progress = Told()
    with pytest.raises(SourceUnavailable):
        list(read_board(client_of(nobody), BOARD, SELECTION, spool, progress=progress))
    assert progress.phases == []


@pytest.mark.parametrize("boards", [[], [None], None])
def test_a_board_that_is_not_given_is_named(spool: SpoolRun, boards: object) -> None:
    """Gone or not shared: monday does not tell the two apart."""
    error = {"message": "User unauthorized", "extensions": {"code": "USER_UNAUTHORIZED"}}
    with pytest.raises(PermissionMissing, match="User unauthorized"):
        list(read_board(client_of(Script(answer({"boards": boards}, errors=[error]))), BOARD, SELECTION, spool))


def test_errors_that_leave_the_items_intact_are_reported(spool: SpoolRun) -> None:
    """They go into the result and into the manifest; an item that came as null does not count."""
    error = {"message": "no right to this one", "extensions": {"code": "USER_UNAUTHORIZED"}, "path": ["boards", 0]}
    page = {"cursor": None, "items": [item(1), None]}
    read = list(
        read_board(
            client_of(Script(answer({"boards": [{"items_page": page}]}, errors=[error]))), BOARD, SELECTION, spool
        )
    )[-1]
    assert isinstance(read, BoardRead)
    assert (read.items, read.errors[0].message) == (1, "no right to this one")
    assert "no right" in spool.manifest.boards["1"].errors[0]


def test_stop_ends_reading_without_a_certificate(spool: SpoolRun) -> None:
    """A board that was not read to its end is not called read."""
    stop = threading.Event()
    events: list[object] = []
    for event in read_board(client_of(PagedBoard(items(2300))), BOARD, SELECTION, spool, pages_per_window=1, stop=stop):
        events.append(event)
        stop.set()
    assert [type(event) for event in events] == [Window]
    assert not spool.manifest.boards["1"].complete


def test_a_window_ends_at_its_size_too(spool: SpoolRun) -> None:
    """Large items make a window full before it has all its pages."""
    large = [{**item(number), "name": "x" * 40_000} for number in range(1, 601)]
    events = list(read_board(client_of(PagedBoard(large)), BOARD, SELECTION, spool, page_size=100))
    assert [event.items for event in events if isinstance(event, Window)] == [300, 300]


def test_a_board_read_again_in_one_run_replaces_what_was_read(spool: SpoolRun) -> None:
    """A new plan begins the board anew in the same spool."""
    for count in (30, 20):
        list(read_board(client_of(PagedBoard(items(count))), BOARD, SELECTION, spool))
    assert spool.manifest.boards["1"].received == 20
    assert len(spool.verify()) == 1
