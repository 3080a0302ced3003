"""Names that every engine takes unquoted, whatever the title."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boardlift.shape.naming import MAX_COLUMN_BYTES, RESERVED, distinct, portable, slug

PORTABLE = re.compile(r"[a-z][a-z0-9_]*")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Due Date", "due_date"),
        ("dueDate", "due_date"),
        ("Größe (cm)", "grosse_cm"),
        ("ETA/PO#", "eta_po"),
        ("Order", "order_"),
        ("123", "n123"),
        ("🎉", "text_mk1"),
        ("", "text_mk1"),
        ("'; DROP TABLE x;--", "drop_table_x"),
        ("  spaced  out  ", "spaced_out"),
        ("a\0b", "a_b"),
    ],
)
def test_titles_become_names(title: str, expected: str) -> None:
    """A title becomes lower snake case; its column id speaks when it has no letters."""
    assert portable(title, "text_mk1") == expected


@given(st.text(max_size=400), st.text(max_size=30))
def test_every_title_gives_a_portable_name(title: str, fallback: str) -> None:
    """ASCII, starting with a letter, within 63 bytes, and never a reserved word."""
    name = portable(title, fallback)
    assert PORTABLE.fullmatch(name)
    assert len(name) <= MAX_COLUMN_BYTES
    assert name not in RESERVED


@given(st.lists(st.text(alphabet="abA _é", max_size=80), max_size=30))
def test_duplicates_get_distinct_names(titles: list[str]) -> None:
    """However many titles collide, every one gets a name of its own."""
    taken: set[str] = set()
    for number, title in enumerate(titles):
        name = distinct(portable(title, f"c{number}"), f"c{number}", taken)
        assert name not in taken
        assert len(name) <= MAX_COLUMN_BYTES
        taken.add(name)


def test_a_distinct_name_is_tagged_with_the_column_id() -> None:
    """The tag is the id monday never changes, not a counter that depends on the order."""
    assert distinct("status", "status_mk7", {"status"}) == "status_status_mk7"


def test_transliteration_is_readable() -> None:
    """Other alphabets are spoken in Latin letters rather than dropped."""
    assert slug("Статус") == "status"
