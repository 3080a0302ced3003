"""Log records are structured, ASCII only, and free of secrets."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from boardlift.logs import ascii_only, open_log, scrub


@given(st.text(max_size=60))
def test_a_record_is_one_line_of_ascii(title: str) -> None:
    """Whatever a board is called, emoji and line breaks included."""
    for as_json in (True, False):
        stream = io.StringIO()
        open_log(as_json=as_json, stream=stream).info("board_read", board=title, items=3)
        line = stream.getvalue()
        assert line.isascii()
        assert line.count("\n") == 1
        assert all(" " <= ch <= "~" for ch in line[:-1])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_json_record_is_read_back_exactly(title: str) -> None:
    """Escapes lose nothing."""
    stream = io.StringIO()
    open_log(as_json=True, stream=stream).info("board_read", board=title)
    assert json.loads(stream.getvalue())["board"] == title


def test_secrets_do_not_reach_a_record() -> None:
    """Not even when an error message holds one."""
    stream = io.StringIO()
    open_log(as_json=False, secrets=["s3cret-token"], stream=stream).error("failed", reason="401 for s3cret-token")
    assert "s3cret" not in stream.getvalue()
    assert scrub("x s3cret-token y", ["s3cret-token"]) == "x **** y"


def test_ascii_only_escapes() -> None:
    """Everything outside printable ASCII becomes an escape."""
    assert ascii_only("Größe\n🎉") == "Gr\\xf6\\xdfe\\n\\U0001f389"
