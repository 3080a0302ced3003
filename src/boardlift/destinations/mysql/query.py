"""A statement that a person wrote, run so that it can only read."""

from __future__ import annotations

import re

from pymysql.constants import FIELD_TYPE

from boardlift.destinations.mysql.session import Rows, Session
from boardlift.errors import DestinationError
from boardlift.shape.sql import SQL

_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*(?![!M]).*?\*/|\()*", re.S)
_READING = re.compile(r"(?:SELECT|WITH|TABLE|VALUES|SHOW|DESCRIBE|DESC|EXPLAIN|ANALYZE)\b", re.I)


_TRUTH: tuple[object, object] = (FIELD_TYPE.TINY, 1)  # tinyint(1), by which these engines mean a boolean


def read_only(session: Session, sql: str) -> tuple[list[str], Rows]:
    """Column names and rows of one statement. Raises DestinationError, or the driver's errors, for one that writes."""
    start = _COMMENTS.match(sql)
    if not _READING.match(sql, start.end() if start else 0):
        raise DestinationError("Only a statement that reads can be run here.", hint="write a single SELECT")
    session.run(SQL("START TRANSACTION READ ONLY"))
    try:
        with session.raw.cursor() as cursor:
            cursor.execute(sql)  # one statement: the connection takes no second one behind a semicolon
            if cursor.description is None:
                raise DestinationError("Only a statement that reads can be run here.", hint="write a single SELECT")
            names = [str(column[0]) for column in cursor.description]
            truths = [(column[1], column[3]) == _TRUTH for column in cursor.description]
            rows = [tuple(row) for row in cursor.fetchall()]
    finally:
        session.undo()
    if any(truths):
        rows = [
            tuple(
                bool(value) if truth and value is not None else value for value, truth in zip(row, truths, strict=True)
            )
            for row in rows
        ]
    return names, rows
