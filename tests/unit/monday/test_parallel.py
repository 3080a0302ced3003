"""Threads that overtake each other, and boards that fail before their first page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from boardlift.errors import PermissionMissing, SourceError
from boardlift.monday.client import MondayClient
from boardlift.monday.dialect import Dialect
from boardlift.monday.events import BoardFailed, BoardRead
from boardlift.monday.model import BoardSummary
from boardlift.monday.parallel import Begun, Manner, Restarted, Sealed, Told, _Crew, read_in_parallel
from boardlift.monday.queries import Selection
from boardlift.progress import Silent
from boardlift.spool import SpoolRun, Window
from unit.monday.reading import OwnedClock, PagedBoard, client_of, item

THIN = Selection(())


def window(number: int) -> Window:
    return Window(Path(f"{number}"), "1", number, 1, 1, 0, 10, False, (), "", 10, 10)


def read(attempt: int) -> Told:
    return Told(attempt, BoardRead("1", 1, 0, 1, 1, 1, 0, 0, 0, 0.0, 0, 500, None, False, ""))


def kept(told: Sequence[Told], folder: Path) -> tuple[list[int], list[str]]:
    """The windows that stay when all is told in this order, and the kinds of the events."""
    client = client_of(PagedBoard([]))
    crew = _Crew(client, SpoolRun.open(folder, "r"), Manner(), Silent(), Dialect())
    for each in told:
        crew._arrived.put(each)
    stay: list[int] = []
    kinds = []
    for event in crew.events(1):
        kinds.append(type(event).__name__)
        if isinstance(event, Sealed):
            stay += [each.number for each in event.windows]
        elif isinstance(event, Restarted | BoardFailed):
            stay = []
    return stay, kinds


def test_a_window_sealed_before_a_new_beginning_and_told_after_it_is_void(tmp_path: Path) -> None:
    """Loaded, it would double its rows."""
    told = [Told(1, window(1)), Told(2, Restarted("1", "why")), Told(1, window(2)), Told(2, window(3)), read(2)]
    assert kept(told, tmp_path) == ([3], ["Restarted", "Sealed", "BoardRead"])


def test_a_window_of_a_new_beginning_told_before_it_stays(tmp_path: Path) -> None:
    """Dropped, its rows would be lost; and what is loaded by then goes, once."""
    told = [
        *[Told(1, window(n)) for n in range(1, 5)],
        Told(2, window(11)),
        Told(2, Restarted("1", "why")),
        Told(2, window(12)),
        read(2),
    ]
    assert kept(told, tmp_path) == ([11, 12], ["Sealed", "Restarted", "Sealed", "BoardRead"])


def test_after_the_end_of_a_board_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    """A thread that was still sealing comes late."""
    failed = Told(2, BoardFailed("1", SourceError("gone")))
    told = [Told(1, window(1)), failed, *[Told(1, window(n)) for n in range(2, 9)]]
    assert kept(told, tmp_path) == ([], ["BoardFailed"])


def test_a_board_that_fails_before_its_first_page_leaves_the_others_alone(tmp_path: Path, monkeypatch) -> None:
    """What an earlier run left of it is asked about first, and that may fail as any call does."""

    def form(self: Dialect, client: MondayClient, board_id: str) -> None:
        raise PermissionMissing(f"board {board_id} may not be seen")

    monkeypatch.setattr(Dialect, "form", form)
    client = client_of(PagedBoard([item(1), item(2)]), OwnedClock())
    boards = [BoardSummary(id="7", name="Large", items_count=9000), BoardSummary(id="1", name="Small", items_count=2)]
    manner = Manner(prefer="time", threads=2, quantiles={"7": ("2024-01-01T00:00:00Z",)})
    spool = SpoolRun.open(tmp_path, "r", clock=OwnedClock())
    with read_in_parallel(
        client, [(board, THIN) for board in boards], spool, manner=manner, progress=Silent()
    ) as events:
        ends = {e.board_id: type(e) for e in events if isinstance(e, BoardRead | BoardFailed)}
    assert ends == {"7": BoardFailed, "1": BoardRead}


@pytest.mark.parametrize("boards", [0, 1])
def test_nothing_to_read_ends_at_once(boards: int, tmp_path: Path) -> None:
    """No board at all, or one without items."""
    wanted = [(BoardSummary(id="1", name="Empty", items_count=0), THIN)] * boards
    spool = SpoolRun.open(tmp_path, "r", clock=OwnedClock())
    with read_in_parallel(
        client_of(PagedBoard([])), wanted, spool, manner=Manner(threads=4), progress=Silent()
    ) as events:
        assert [type(event) for event in events] == [Begun, BoardRead] * boards
