"""What SQL Server's errors mean to a person, with every secret taken out of them.

The driver tells neither the number of an error nor its SQLSTATE, only words; sessions ask for English ones, so that the
words can be told apart whatever the server's language is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mssql_python
import pyarrow as pa
from mssql_python.exceptions import ConnectionStringParseError

from boardlift.destinations.mssql.url import Address
from boardlift.errors import DestinationError, PromotionConflict

# What is said -> what to do. The first that fits counts.
_HINTS = {
    "login failed": "check user and password in the `destination:` URL",
    "token": "sign in to Entra for this user or service principal, and check `authentication=` in the URL",
    "cannot open database": "make the database first, let this login use it, or correct the `destination:` URL",
    "ssl provider": "install the server's certificate authority here, or add trustservercertificate=yes to the URL",
    "certificate": "install the server's certificate authority here, or add trustservercertificate=yes to the URL",
    "login timeout": "check host and port in the `destination:` URL, and that a firewall lets you through",
    "tcp provider": "check host and port in the `destination:` URL, and that the server is running",
    "network-related": "check host and port in the `destination:` URL, and that the server is running",
    "failed to load the driver": "the driver needs system libraries; on Debian: apt-get install libltdl7 libkrb5-3",
    "communication link": "the connection broke; run the same command again",
    "connection is broken": "the connection broke; run the same command again",
    "read-only": "the database does not take writes; use the URL of the primary",
    "create schema permission": "GRANT CREATE SCHEMA TO <user>, or make both schemas and let this user own them",
    "create table permission": "GRANT CREATE TABLE TO <user>",
    "permission was denied": "let this user write: make it the owner of both schemas and GRANT CREATE TABLE TO it",
    "do not have permission": "let this user write: make it the owner of both schemas and GRANT CREATE TABLE TO it",
    "does not exist or you do not have": "let this user write: make it the owner of both schemas",
    "duplicate key": "a key appears twice in the staged table, where spaces at the end of a text do not count; the live"
    " tables are as they were",
    "cannot insert the value null": "a key is empty in the staged table; the live tables are as they were",
    "cannot create a row of size": "the row is too wide for SQL Server; exclude columns in boardlift.yaml",
    "would be truncated": "a staged value does not fit its column; the live tables are as they were",
    "transaction log": "back up or enlarge the transaction log, then run the same command again",
    "could not allocate space": "free disk space on the database server and run the same command again",
    "quota": "the database has reached its size limit; enlarge it and run the same command again",
    "lock request time out": "somebody holds the table; run the same command again",
}
_MISFIT = "a staged value does not fit its column; the live tables are as they were"
_TAKEN = ("there is already an object named", "already exists")
_NOT_GRANTED = ("lock request time out period exceeded", "deadlocked on lock", "deadlock victim")
_LOST = (
    *("communication link failure", "connection is broken", "tcp provider", "connection was closed", "not connected"),
    *("kill state", "severe error", "transport-level", "shutdown is in progress"),
)
_MISSING = (
    *("cannot find the object", "invalid object name", "does not exist", "no item by the name of"),
    "claimed @objtype",  # what sp_rename says of a table that is not there
)

DRIVER_ERRORS = (mssql_python.Error, mssql_python.Warning, ConnectionStringParseError, RuntimeError)
"""What the driver raises; RuntimeError is what its native parts say when they have no better word."""


@contextmanager
def speaking(address: Address, action: str) -> Iterator[None]:
    """Turn the driver's errors into ours: `<identity> could not <action>: <first line>`, and what to do about it."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise explain(address, action, error) from error
    except pa.ArrowException as error:  # a value of the stream that its column cannot take
        raise explain(address, action, error) from error


def explain(address: Address, action: str, error: BaseException) -> DestinationError:
    """The DestinationError for a driver's error, whose own text is scrubbed in place, for it stays as the cause."""
    for name in ("message", "driver_error", "ddbc_error"):
        if isinstance(text := getattr(error, name, None), str):
            setattr(error, name, address.scrub(text))
    error.args = tuple(address.scrub(arg) if isinstance(arg, str) else arg for arg in error.args)
    said = words(error)
    message = f"{address.identity} could not {action}: {said}"
    if any(word in said.lower() for word in _TAKEN):
        hint = "rename or drop what has the name, or give the board another `table:` name in boardlift.yaml"
        return PromotionConflict(message, hint=hint)
    hint = _MISFIT if isinstance(error, pa.ArrowException) else _hint(said)
    return DestinationError(message, hint=hint)


def words(error: BaseException) -> str:
    """The first line of what the server said, without the names of the parts that passed it on."""
    told = getattr(error, "ddbc_error", "") or getattr(error, "driver_error", "") or str(error)
    lines = str(told).strip().splitlines()
    said = lines[0] if lines else type(error).__name__
    while said.startswith("[") and "]" in said:
        said = said[said.index("]") + 1 :].lstrip()
    return said or type(error).__name__


def is_not_granted(error: BaseException | None) -> bool:
    """Whether a lock was not granted in time, or we were chosen to end a deadlock: try again."""
    return error is not None and any(word in words(error).lower() for word in _NOT_GRANTED)


def is_lost(error: BaseException | None) -> bool:
    """Whether the connection broke: what the server did last is not known."""
    return error is not None and any(word in words(error).lower() for word in _LOST)


def is_missing(error: BaseException | None) -> bool:
    """Whether an object was not there: dropped by hand a moment ago, look again."""
    return error is not None and any(word in words(error).lower() for word in _MISSING)


def _hint(said: str) -> str:
    lower = said.lower()
    return next((hint for word, hint in _HINTS.items() if word in lower), "")
