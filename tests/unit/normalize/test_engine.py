"""The in-process engine and its memory."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from boardlift.normalize.engine import Engine, open_engine
from boardlift.shape.sql import SQL

LIMIT = SQL("SELECT current_setting('memory_limit')")


def test_giving_back_leaves_the_limit_as_it_was(tmp_path: Path) -> None:
    """Told again and again it does not drift, and a board that needed more keeps what it needed."""
    with open_engine(tmp_path) as connection:
        engine = Engine(connection)
        given = engine.do(LIMIT)
        for _ in range(50):
            engine.give_back()
        assert engine.do(LIMIT) == given == [("214.0 MiB",)]
        engine.widen()
        engine.give_back()
        assert engine.do(LIMIT) == [("2.0 GiB",)]


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere the system's own allocator decides")
def test_memory_that_was_freed_returns_to_the_system(tmp_path: Path) -> None:
    """A table of 100 MB comes and goes; most of what it took is free for others afterwards."""
    process = psutil.Process()
    with open_engine(tmp_path) as connection:
        engine = Engine(connection)
        before = process.memory_info().rss
        engine.do(SQL("CREATE TEMP TABLE x AS SELECT md5(concat(range, 'x')) AS a FROM range(2000000)"))
        held = process.memory_info().rss - before
        engine.do(SQL("DROP TABLE x"))
        engine.give_back()
        assert held > 60_000_000
        assert process.memory_info().rss - before < held / 2
