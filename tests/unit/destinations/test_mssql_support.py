"""The databases of tests on a real SQL Server come and go, on any edition and however many are made at once."""

from __future__ import annotations

import mssql_python
import pytest

from support.mssql import drop_database, make_database

BUSY = "Could not obtain exclusive lock on database 'model'. Retry the operation later."


def refusing(times: int, words: str, sent: list[str]) -> object:
    def ask(sql: str) -> list[tuple[object, ...]]:
        sent.append(sql)
        if len(sent) <= times:
            raise mssql_python.OperationalError("x", f"[Microsoft][SQL Server]{words}")
        return []

    return ask


@pytest.mark.parametrize(("times", "words", "tries"), [(19, BUSY, 20), (25, BUSY, 20), (1, "permission was denied", 1)])
def test_a_database_is_made_while_others_are(times: int, words: str, tries: int) -> None:
    """Twenty times it is tried, unless the refusal is another one."""
    sent: list[str] = []
    ask = refusing(times, words, sent)
    if times == 19:
        make_database(ask, "t1", pause=0)  # type: ignore[arg-type]
    else:
        with pytest.raises(mssql_python.Error):
            make_database(ask, "t1", pause=0)  # type: ignore[arg-type]
    assert sent == ["CREATE DATABASE [t1]"] * tries


@pytest.mark.parametrize(("edition", "alone"), [(3, True), (5, False)], ids=["server", "Azure SQL Database"])
def test_a_database_is_dropped(edition: int, alone: bool) -> None:
    """Azure SQL Database knows no SINGLE_USER."""
    sent: list[str] = []

    def ask(sql: str) -> list[tuple[object, ...]]:
        sent.append(sql)
        return [(edition,)]

    drop_database(ask, "t1")
    assert any("SINGLE_USER" in text for text in sent) is alone
    assert sent[-1] == "DROP DATABASE [t1]"
