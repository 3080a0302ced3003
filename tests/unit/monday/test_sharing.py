"""When a further chain is worth its calls, and which part of a board it is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from boardlift.monday.dialect import FORMS, Dialect
from boardlift.monday.model import BoardSummary
from boardlift.monday.queries import Selection
from boardlift.monday.reading import BoardReading
from boardlift.monday.sharing import QUANTILES, SLOW_CALL, Prefer, Sharing, manner_of, quantiles, shares
from boardlift.monday.span import Span, iso
from boardlift.spool import SpoolRun, Window
from unit.monday.reading import OwnedClock, PagedBoard, Told, client_of

NOW = 1_793_491_200  # the owned clock's beginning
EARLY, MIDDLE = iso(NOW - 1000), iso(NOW - 500)


class Known(Dialect):
    """An account whose form is known."""

    current = FORMS[0]

    def form(self, *_: object) -> object:  # type: ignore[override]
        return self.current


@pytest.fixture
def reading(tmp_path: Path) -> BoardReading:
    """A board of 10,000 items under way, slow to answer."""
    board = BoardSummary(id="1", name="Large", items_count=10_000)
    made = BoardReading(
        client_of(PagedBoard([])),
        board,
        Selection(()),
        SpoolRun.open(tmp_path, "r", clock=OwnedClock()),
        dialect=Known(),
        sharing=Sharing("auto", (), 8),
    )
    made.begin()
    made.seconds, made.pages, made.taken = 2.0, 1, 500
    made.spans[0].low.move(EARLY, [1])
    return made


@pytest.mark.parametrize(
    ("prefer", "seconds", "wanted"),
    [("auto", 2.0, True), ("auto", SLOW_CALL / 2, False), ("calls", 60.0, False), ("time", 0.0, True)],
)
def test_whether_speed_is_worth_calls(reading: BoardReading, prefer: Prefer, seconds: float, wanted: bool) -> None:
    """Never with `calls`, always with `time`; else where answers take long. A plan says the same beforehand."""
    reading.sharing, reading.seconds = replace(reading.sharing, prefer=prefer), seconds
    assert (shares(reading, 4) is not None) is wanted
    said = manner_of(prefer, 20, seconds, at_once=4)
    assert said.startswith("in several chains at once, " if wanted else "in one chain of 20 pages, ")
    assert manner_of(prefer, 20, seconds, at_once=1).startswith("in one chain of 20 pages, ")


def test_a_run_says_that_it_reads_in_several_chains_and_why(reading: BoardReading) -> None:
    reading.progress = told = Told()
    assert reading.help(4) is not None
    assert reading.help(3) is not None
    assert told.phases == ["Large: several chains at once, for a page takes about 2.0 s"]


def test_of_a_small_board_there_is_nothing_to_say() -> None:
    assert manner_of("time", 3, 9.0, at_once=4) == ""


def test_the_rest_is_cut_evenly(reading: BoardReading) -> None:
    """By time, above what has been taken, without a gap."""
    offer = shares(reading, 3)
    assert offer is not None
    spans = [offer.cut, *offer.spans]
    assert [span.since for span in spans] == ["", iso(NOW - 750), MIDDLE, iso(NOW - 250)]
    assert [span.until for span in spans] == [iso(NOW - 750), MIDDLE, iso(NOW - 250), ""]


def test_without_a_filter_it_is_read_from_both_ends(reading: BoardReading) -> None:
    """And by no third."""
    reading.dialect.current = None  # type: ignore[misc]
    part = reading.help(4)
    assert part is not None
    assert (part.ascending, part.span) == (False, reading.spans[0])
    assert reading.help(4) is None


def test_a_reader_from_above_goes_with_the_uppermost_piece(reading: BoardReading) -> None:
    """What it took lies there."""
    span = reading.spans[0]
    span.high.move(iso(NOW - 100), [9])
    above = reading._part(span, ascending=False)
    part = reading.help(2)
    assert part is not None
    assert part.span is reading.spans[1]
    assert above.span is reading.spans[-1]
    assert (above.span.high.at, span.high.at) == (iso(NOW - 100), "")


def test_little_that_is_left_is_left_to_its_reader(reading: BoardReading) -> None:
    """A page and a half for each chain, or the call is wasted."""
    reading.taken = 9_400
    assert shares(reading, 4) is None


def test_items_of_one_second_are_not_parted(reading: BoardReading) -> None:
    """No time lies between them."""
    span = reading.spans[0]
    span.high.move(iso(NOW - 999), [9])
    assert shares(reading, 4) is None


def test_a_board_read_before_is_cut_evenly_from_the_start(reading: BoardReading) -> None:
    """One piece for each thread, and never pieces of less than two pages."""
    marks = tuple(iso(NOW - 1000 + n) for n in range(QUANTILES))
    reading.sharing = Sharing("auto", marks, 4)
    assert reading.sharing.marks(reading) == [marks[8], marks[16], marks[24]]
    reading.board = BoardSummary(id="1", name="Small", items_count=1500)
    assert reading.sharing.marks(reading) == ()


def test_quantiles_of_windows() -> None:
    """They part the items evenly, wherever the windows' borders are."""
    windows = [
        Window(Path("w"), "1", n, 1, 500, 0, 1, False, (), "", 1, 1, first_created=iso(NOW + n)) for n in range(64)
    ]
    marks = quantiles(windows[::-1])
    assert marks == tuple(iso(NOW + n) for n in range(2, 64, 2))
    assert quantiles(windows[:1]) == ()
    assert quantiles([replace(window, first_created="") for window in windows]) == ()


def test_a_chain_that_joins_in_a_bad_minute_grows_as_far_as_the_first(reading: BoardReading) -> None:
    """It begins with pages as small as work now, not for good."""
    reading.size.too_much(500)
    part = reading.help(2)
    assert part is not None
    for _ in range(8):
        part.chain.size.came()
    assert part.chain.size.now == 500


def test_spans_share_no_state_with_their_pieces(reading: BoardReading) -> None:
    """A cut leaves each piece its own ids."""
    span = Span()
    span.high.move(MIDDLE, [5])
    upper = span.cut(EARLY)
    upper.high.ids.add(6)
    assert span.high.ids == set()
