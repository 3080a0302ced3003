"""Text becomes a value, or is known not to have become one."""

from __future__ import annotations

import duckdb
import pytest

from boardlift.normalize.casting import misfit, typed
from boardlift.shape.sql import SQL
from boardlift.shape.types import DATE, DOUBLE, TIMESTAMP, SqlType

RAW = SQL("r")


def cast(text: str, sql_type: SqlType) -> tuple[object, bool]:
    """The value as text, and whether it is a misfit."""
    value = typed(RAW, sql_type)
    flag = misfit(RAW, value, sql_type)
    assert flag is not None
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        asked = SQL("SELECT CAST({} AS VARCHAR), {} FROM (SELECT ? AS r)").format(value, flag)
        found = engine.execute(asked.text, [text]).fetchone()
    assert found is not None
    return found[0], bool(found[1])


@pytest.mark.parametrize("sql_type", [DATE, TIMESTAMP, DOUBLE], ids=str)
@pytest.mark.parametrize("word", ["infinity", "-Infinity", "+inf", " INF ", "nan", "-NaN", "epoch"])
def test_words_that_an_engine_takes_for_values_are_misfits(word: str, sql_type: SqlType) -> None:
    """Few destinations have them, and no board means them: they go to quarantine, not into a table as NULL or 1970."""
    assert cast(word, sql_type) == (None, True)


@pytest.mark.parametrize(
    ("text", "sql_type", "value"),
    [
        ("2026-01-31", DATE, "2026-01-31"),
        ("2026-01-31T10:00:00Z", TIMESTAMP, "2026-01-31 10:00:00+00"),
        ("2026-01-31 10:00 Europe/London", TIMESTAMP, "2026-01-31 10:00:00+00"),
        ("-1e5", DOUBLE, "-100000.0"),
        (" 12 ", DOUBLE, "12.0"),
    ],
)
def test_values_stay_values(text: str, sql_type: SqlType, value: str) -> None:
    """As they were before words were looked at."""
    assert cast(text, sql_type) == (value, False)
