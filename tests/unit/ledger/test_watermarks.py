"""Watermarks move together, and only for runs that there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from boardlift.errors import BoardliftError
from boardlift.ledger import BoardRecord, Ledger, ReadAs, RunKind, RunStatus, Watermark

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def mark(board: str, run: str, **changes: object) -> Watermark:
    return replace(Watermark(board, run, 1, AT, AT, 10, 0, "{}", AT, AT), **changes)  # type: ignore[arg-type]


def test_a_watermark_is_kept_for_each_board_of_a_namespace(ledger: Ledger) -> None:
    """The last word counts; another namespace has its own."""
    run = ledger.start_run(RunKind.SYNC, "duckdb", "monday", "ann").id
    ledger.set_watermarks("duckdb", "monday", [mark("1", run), mark("2", run)])
    moved = mark("1", run, generation=2, newest=None, items=None, events=None)
    ledger.set_watermarks("duckdb", "monday", [moved])
    assert ledger.watermarks("duckdb", "monday") == {"1": moved, "2": mark("2", run)}
    assert ledger.watermarks("duckdb", "other") == {}
    told = [event.event for event in ledger.events(run)]
    assert told.count("watermark set") == 2
    assert told.count("watermark moved") == 1


def test_all_of_them_or_none(ledger: Ledger) -> None:
    """One that names no run takes the others with it."""
    run = ledger.start_run(RunKind.SYNC, "duckdb", "monday", "ann").id
    with pytest.raises(BoardliftError):
        ledger.set_watermarks("duckdb", "monday", [mark("1", run), mark("2", "nobody")])
    assert ledger.watermarks("duckdb", "monday") == {}


def test_how_a_board_was_read_is_kept(ledger: Ledger) -> None:
    """With the reason, and what was new."""
    run = ledger.start_run(RunKind.SYNC, "duckdb", "monday", "ann").id
    record = BoardRecord(
        "1", "Planning", "planning", 3, 4, 2, 0.5, mode=ReadAs.INCREMENTAL, reason="", added=1, deleted=2
    )
    ledger.record_board(run, record)
    assert ledger.finish_run(run, RunStatus.SUCCEEDED).boards == (record,)
