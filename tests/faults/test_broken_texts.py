"""Texts that no database takes as they are: halves of surrogate pairs, and U+0000, wherever the API may put them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from boardlift.app import App
from boardlift.monday.wire import mend_surrogates
from boardlift.sandbox import Account, Sandbox
from boardlift.settings import AccountSettings, Loaded, Secret, Settings
from support.meddler import Meddle, meddling
from support.warehouses import destination

__all__ = ["destination"]  # fixtures

HALVES = (rb"\ud83d", rb"\uD83D", rb"\ude00", rb"\uDE00", rb"\ud83d\ud83d", rb"\ude00\ud83d")
NUL = rb"\u0000"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """One board of five items with a text, a status, and a column that boardlift only knows as JSON."""
    account = Account.many(boards=1, items=5, columns=0)
    board = account.boards[0]
    account.builder.columns(board, "text status unsupported dropdown")
    account.rename_board(board.id, "Kanban BROKEN")
    account.rename_column(board.id, "text", "Title BROKEN")
    account.rename_item(board.item_id(0), "item BROKEN end")
    account.change_item(board.item_id(0), {"text": "cell BROKEN end"})
    with Sandbox(account) as running:
        yield running


@contextmanager
def app_of(sandbox: Sandbox, destination: str, folder: Path, meddle: Meddle) -> Iterator[App]:
    with meddling(sandbox, meddle) as url:
        settings = Settings(destination=destination, account=AccountSettings(url=url, retries=0, timeout=20))
        loaded = Loaded(settings, folder, Secret(sandbox.token), Secret(destination))
        with App(loaded) as app:
            yield app


@pytest.mark.parametrize("half", HALVES, ids=ascii)
def test_half_a_surrogate_pair_costs_one_character(
    sandbox: Sandbox, destination: str, tmp_path: Path, half: bytes
) -> None:
    """In a cell, an item, a column or a board: everything arrives, with U+FFFD where the half character was."""
    with app_of(sandbox, destination, tmp_path, lambda _asked, said: said.replace(b"BROKEN", half)) as app:
        report = app.sync()
        table = report.boards[0].plan.table
        names, rows = app.destination.query(f"SELECT * FROM monday.{table} ORDER BY item_id")
    row = dict(zip(names, rows[0], strict=True))
    mark = "\ufffd" * (len(half) // 6)
    assert len(rows) == 5
    assert row["name"] == f"item {mark} end"
    assert f"cell {mark} end" in row.values()
    assert report.boards[0].plan.board.name == f"Kanban {mark}"


@pytest.mark.parametrize("inner", [rb"\\ud83d", rb"\\uDE00", rb"\\u0000"], ids=ascii)
def test_half_a_pair_inside_json_inside_json(sandbox: Sandbox, destination: str, tmp_path: Path, inner: bytes) -> None:
    """`value` is JSON in a string: a half character or a NUL in there does not cost the whole value."""
    value = rb'"value":"{\"kept\":[1,2],\"text\":\"before' + inner + rb'after\"}"'

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"items_page" not in asked:
            return said
        head, found, tail = said.partition(b'"id":"unsupported"')
        assert found
        before, _, rest = tail.partition(b'"value":')
        end = rest.index(b"}") if not rest.startswith(b'"') else closing(rest)
        return head + found + before + value + rest[end:]

    with app_of(sandbox, destination, tmp_path, meddle) as app:
        report = app.sync()
        table = report.boards[0].plan.table
        columns = {c.source.id: c.facets[0].column.name for c in report.boards[0].plan.columns if c.facets}
        rows = app.destination.query(f"SELECT {columns['unsupported']} FROM monday.{table} ORDER BY item_id")[1]
    said = str(rows[0][0])
    assert "kept" in said and "before" in said and "after" in said


def closing(text: bytes) -> int:
    """Where the JSON string that begins `text` has ended."""
    place = 1
    while text[place : place + 1] != b'"':
        place += 2 if text[place : place + 1] == b"\\" else 1
    return place + 1


def test_nul_is_dropped_everywhere(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """U+0000 in a cell, an item, a column's title or a board's name vanishes; the rest of the text stays."""
    with app_of(sandbox, destination, tmp_path, lambda _asked, said: said.replace(b"BROKEN", NUL)) as app:
        report = app.sync()
        table = report.boards[0].plan.table
        names, rows = app.destination.query(f"SELECT * FROM monday.{table} ORDER BY item_id")
    row = dict(zip(names, rows[0], strict=True))
    assert row["name"] == "item  end"
    assert "cell  end" in row.values()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rb'"a\ud83d"', rb'"a\ufffd"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"C:\\ud83d"', rb'"C:\\ud83d"'),
        (rb'"C:\\ud83d\ude00"', rb'"C:\\ud83d\ufffd"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\ude00\""', rb'"\ufffd\""'),
    ],
    ids=ascii,
)
def test_only_halves_that_stand_alone_are_mended(before: bytes, after: bytes) -> None:
    """Pairs stay, and so does a backslash that was meant as one."""
    assert mend_surrogates(before) == after
