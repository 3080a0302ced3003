"""T-SQL composed from parts: names in brackets, text as N'...', so that no session setting changes how they read.

`"..."` is a name only while QUOTED_IDENTIFIER is on, and '...' is text in the code page of the database; brackets and
N'...' always mean the same, and hold every character of Unicode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from boardlift.shape.sql import COMMA, SQL, Composable

BINARY = SQL("Latin1_General_100_BIN2")
"""The collation of keys: compares code points, so that labels which differ by case or accent alone stay two keys."""

_MOST_CHARACTERS = 128
_CONTINUED = re.compile(r"\\(\r?\n)")


class Name(Composable):
    """A name in brackets, or a dotted path of them: `Name("monday", "planning")`."""

    __slots__ = ()

    def __init__(self, *parts: str) -> None:
        for part in parts:
            if not part or "\0" in part:
                raise ValueError(f"not usable as an SQL name: {part!r}")
        super().__init__(".".join("[" + part.replace("]", "]]") + "]" for part in parts))


class Text(Composable):
    """A literal of NVARCHAR. U+0000 cannot be written in SQL and is refused."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        if "\0" in value:
            raise ValueError("U+0000 cannot be part of an SQL literal")
        # A backslash at the end of a line would take itself and the line's end away.
        whole = _CONTINUED.sub(r"\\\\\1\1", value)
        super().__init__("N'" + whole.replace("'", "''") + "'")


class Binary(Composable):
    """A literal of VARBINARY."""

    __slots__ = ()

    def __init__(self, value: bytes) -> None:
        super().__init__("0x" + value.hex().upper())


def texts(values: Iterable[str]) -> Composable:
    """Literals for the inside of IN (...); NULL, which nothing equals, where there are none."""
    pieces: list[Composable] = [Text(value) for value in values]
    return COMMA.join(pieces or [SQL("NULL")])


def batch(statements: Iterable[Composable]) -> Composable:
    """Statements that travel together, one a line."""
    return SQL("\n").join(statement + SQL(";") for statement in statements)


def fits(name: str) -> bool:
    """Whether a name is short enough: 128 units of UTF-16."""
    return utf16_units(name) <= _MOST_CHARACTERS


def utf16_units(text: str) -> int:
    """The length of a text as SQL Server counts it: a character beyond U+FFFF is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def rename(schema: str, name: str, to: str) -> Composable:
    """Give a table or a constraint another name in its schema. The new name is taken as it is, without brackets."""
    return SQL("EXEC sys.sp_rename @objname = {}, @newname = {}, @objtype = N'OBJECT'").format(
        Text(Name(schema, name).text), Text(to)
    )


def transfer(name: str, *, out_of: str, into: str) -> Composable:
    """Move a table between schemas. SQL Server drops all permissions on it."""
    return SQL("ALTER SCHEMA {} TRANSFER {}").format(Name(into), Name(out_of, name))
