"""Outside text can only ever become an identifier or a literal."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boardlift.shape.sql import COMMA, SQL, Identifier, Literal

ENGINE = duckdb.connect(":memory:")
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@given(TEXT)
def test_a_literal_is_read_back_as_it_was(text: str) -> None:
    """Quotes, semicolons, comments and emoji come back unchanged and execute nothing."""
    rows = ENGINE.execute(str(SQL("SELECT {}").format(Literal(text)))).fetchall()
    assert rows == [(text,)]


@given(TEXT.filter(bool))
def test_an_identifier_is_read_back_as_it_was(name: str) -> None:
    """A column may be called anything that is not empty."""
    ENGINE.execute(str(SQL("SELECT 1 AS {}").format(Identifier(name))))
    assert [column[0] for column in ENGINE.description or []] == [name]
    ENGINE.fetchall()


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    """An empty name, or one with U+0000, has no SQL form."""
    with pytest.raises(ValueError, match="not usable as an SQL name"):
        Identifier(name)


def test_a_literal_refuses_nul() -> None:
    """U+0000 has no SQL form either."""
    with pytest.raises(ValueError, match=r"U\+0000"):
        Literal("a\0b")


def test_plain_text_cannot_be_put_into_sql() -> None:
    """Only composed pieces fill a place."""
    with pytest.raises(TypeError, match="only composed SQL"):
        SQL("SELECT {}").format("1; DROP TABLE x")  # type: ignore[arg-type]


def test_pieces_compose() -> None:
    """Paths, lists and nulls read as SQL."""
    columns = COMMA.join(Identifier(name) for name in ("a", 'b"c'))
    statement = SQL("SELECT {} FROM {} WHERE x = {} OR y = {}").format(
        columns, Identifier("s", "t"), Literal(None), Literal(7)
    )
    assert str(statement) == 'SELECT "a", "b""c" FROM "s"."t" WHERE x = NULL OR y = 7'
