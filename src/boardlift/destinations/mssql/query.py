"""A person's query: one statement that reads, told by its words, for SQL Server has no read-only transaction.

Every statement of T-SQL that writes has a reserved word in it, which cannot stand outside quotes as anything else. So a
text that begins with SELECT or WITH and has none of these words, and nothing behind a semicolon, writes nothing. It
runs in a transaction that is rolled back all the same.
"""

from __future__ import annotations

import re

from boardlift.errors import DestinationError
from boardlift.shape.sql import Composable

_PIECES = re.compile(
    r"""
    (?P<comment>--[^\n]*|/\*)
    | (?P<quoted>[Nn]?'(?:[^']|'')*'|"(?:[^"]|"")*"|\[(?:[^\]]|\]\])*\])
    | (?P<word>[^\W\d][\w@$\#]*)
    | (?P<number>[\d.]+(?:[eE][+-]?\d+)?)
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.X | re.S,
)
_WRITES = frozenset(
    """
    add alter authorization backup begin break browse bulk checkpoint close commit continue conversation create dbcc
    deallocate declare delete deny drop dump exec execute exit goto grant if insert into kill lineno load merge open
    opendatasource openquery openrowset print proc procedure raiserror readtext reconfigure restore return revert revoke
    rollback save set setuser shutdown tran transaction trigger truncate update updatetext use waitfor while writetext
    """.split()
)
_COMMENT_ENDS = re.compile(r"/\*|\*/")


def read_only(sql: str) -> Composable:
    """The statement without comments and the semicolon at its end. Raises DestinationError for one that may write."""
    kept, ended, first = [], False, ""
    place = 0
    while place < len(sql):
        match = _PIECES.match(sql, place)
        assert match is not None
        kind, text = match.lastgroup, match[0]
        place = match.end()
        if kind == "comment":
            place = _comment_end(sql, place) if text == "/*" else place
            kept.append(" ")
            continue
        if kind == "space":
            kept.append(text)
            continue
        if ended:
            raise _refused("a second statement")
        if text == ";":
            ended = True
            continue
        if kind == "word" and text.lower() in _WRITES:
            raise _refused(text.upper())
        if kind == "other" and text in "'\"[{}":
            raise _refused(f"an unpaired {text}")
        first = first or text.lower()
        kept.append(text)
    if first not in ("select", "with"):
        raise _refused(first.upper() or "nothing")
    return Composable("".join(kept))


def _comment_end(sql: str, place: int) -> int:
    """Where a block comment ends; in T-SQL they nest."""
    depth = 1
    for match in _COMMENT_ENDS.finditer(sql, place):
        depth += 1 if match[0] == "/*" else -1
        if not depth:
            return match.end()
    raise _refused("a comment without an end")


def _refused(what: str) -> DestinationError:
    return DestinationError(
        f"Only one statement that reads can be run here, not one with {what}.", hint="write a single SELECT"
    )
