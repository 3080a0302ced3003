"""A SQL Server for tests, named by BOARDLIFT_TEST_MSSQL_URL: one fresh database per test, dropped after it.

None can run on the machines that build boardlift. The login needs the right to create databases; the URL's database is
where it connects for that, `master` for example: mssql://sa:password@host:1433/master?trustservercertificate=yes
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import mssql_python
import pytest

from boardlift.destinations.mssql.session import Connection, connect
from boardlift.destinations.mssql.url import read_url
from boardlift.testing.conformance import Outside

VARIABLE = "BOARDLIFT_TEST_MSSQL_URL"
_AZURE = 5  # SQL Database
_TRIES = 20
TOGETHER = pytest.mark.xdist_group("mssql")  # one worker runs all of them, one after another
WITHOUT = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"no SQL Server can run here; {VARIABLE} names one")


@pytest.fixture
def mssql_url() -> Iterator[str]:
    """The URL of a fresh, empty database with row versions, dropped after the test."""
    parts = urlsplit(os.environ[VARIABLE])
    name = f"t{uuid.uuid4().hex[:12]}"
    with asking(os.environ[VARIABLE]) as ask:
        make_database(ask, name)
        ask(f"ALTER DATABASE [{name}] SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE")
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with asking(os.environ[VARIABLE]) as ask:
            drop_database(ask, name)


def make_database(ask: Outside, name: str, pause: float = 0.5) -> None:
    """CREATE DATABASE, again while another one is being made: each copies `model`, which one at a time may do."""
    for _ in range(_TRIES - 1):
        try:
            ask(f"CREATE DATABASE [{name}]")
        except mssql_python.Error as error:
            if "exclusive lock on database 'model'" not in str(error):
                raise
            time.sleep(pause)
        else:
            return
    ask(f"CREATE DATABASE [{name}]")


def drop_database(ask: Outside, name: str) -> None:
    """DROP DATABASE, for which all sessions have to leave; Azure SQL Database makes them."""
    if ask("SELECT CONVERT(INT, SERVERPROPERTY('EngineEdition')) AS edition") != [(_AZURE,)]:
        ask(f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
    ask(f"DROP DATABASE [{name}]")


@contextmanager
def asking(url: str) -> Iterator[Outside]:
    """One connection that needs no boardlift beyond reading the URL."""
    connection = connect(read_url(url))
    try:
        yield lambda sql: _run(connection, sql)
    finally:
        connection.close()


def _run(connection: Connection, sql: str) -> list[tuple[object, ...]]:
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
        rows: list[tuple[object, ...]] = []
        while True:
            if cursor.description:
                rows = [tuple(row) for row in cursor.fetchall()]
            if not cursor.nextset():
                return rows
    finally:
        cursor.close()


def driver_runs() -> bool:
    """Whether the driver's native part finds its system libraries here."""
    try:
        mssql_python.connect("Server=127.0.0.1,1;UID=a;PWD=b;Encrypt=no", timeout=1)
    except Exception as error:  # noqa: BLE001  what it says is what is asked
        return "Failed to load the driver" not in str(error)
    return True
