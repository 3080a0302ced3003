"""Types as people write them, and differences between shapes."""

from __future__ import annotations

import pytest

from boardlift.errors import ConfigError
from boardlift.shape.change import (
    ColumnAdded,
    ColumnRemoved,
    LabelChanged,
    TableAdded,
    TableRemoved,
    TypeChanged,
    compare,
)
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT, TIMESTAMP, Kind, SqlType, parse_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text", TEXT),
        (" BIGINT ", BIGINT),
        ("timestamptz", TIMESTAMP),
        ("decimal(18,2)", SqlType(Kind.DECIMAL, 18, 2)),
        ("numeric( 9 )", SqlType(Kind.DECIMAL, 9, 0)),
    ],
)
def test_types_are_read(text: str, expected: SqlType) -> None:
    """Common spellings are understood in any case."""
    assert parse_type(text) == expected


@pytest.mark.parametrize("text", ["", "money", "decimal(39,2)", "decimal(5,6)", "decimal(0,0)", "text; drop"])
def test_other_types_are_refused(text: str) -> None:
    """The error says what would be accepted."""
    with pytest.raises(ConfigError) as caught:
        parse_type(text)
    assert "decimal(precision,scale)" in caught.value.hint


def test_differences_know_whether_they_lose_something() -> None:
    """Added and renamed things lose nothing; removed and retyped ones do."""
    before = [Table("a", (Column("x", TEXT, label="X"), Column("y", TEXT))), Table("old", ())]
    after = [Table("a", (Column("x", BIGINT, label="Ex"), Column("z", TEXT))), Table("new", ())]
    changes = compare(before, after)
    assert {type(change): change.destructive for change in changes} == {
        TableRemoved: True,
        ColumnRemoved: True,
        TypeChanged: True,
        LabelChanged: False,
        ColumnAdded: False,
        TableAdded: False,
    }


def test_a_renamed_title_is_not_another_shape() -> None:
    """Labels do not count in a fingerprint; names and types do."""
    one = Table("a", (Column("x", TEXT, label="X"),))
    assert one.fingerprint == Table("a", (Column("x", TEXT, label="renamed"),)).fingerprint
    assert one.fingerprint != Table("a", (Column("x", BIGINT, label="X"),)).fingerprint
