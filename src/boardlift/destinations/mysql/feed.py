"""PyMySQL with one way of its own: LOAD DATA LOCAL takes what this program feeds it, never a file the server names.

A server may answer any statement with the request for any file of the client's machine. Here it gets nothing unless
a feed was opened for the very statement, and then that feed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.connections import Connection, MySQLResult
from pymysql.cursors import Cursor
from pymysql.protocol import LoadLocalPacketWrapper

if TYPE_CHECKING:
    _Connection = Connection[Cursor]
else:  # generic in its stubs alone
    _Connection = Connection

FEED = "boardlift"
"""What the statement calls the file."""


class _Result(MySQLResult):
    def _read_load_local_packet(self, first_packet: Any) -> None:
        result: Any = self  # the driver's own way of reading answers has no types
        connection = result.connection
        asked = LoadLocalPacketWrapper(first_packet).filename
        feed, connection.feed = connection.feed, None
        granted = feed is not None and asked in (FEED, FEED.encode())
        try:
            for piece in feed if granted else ():
                connection.write_packet(piece)
        finally:
            connection.write_packet(b"")
            answer = connection._read_packet()
        if not granted:
            raise pymysql.err.OperationalError(2068, "the server asked for a file of this machine; it got none")
        result._read_ok_packet(answer)


class FeedingConnection(_Connection):
    """`feed` is what the next LOAD DATA LOCAL reads, in pieces of less than 16 MiB, none of them empty."""

    feed: Iterator[bytes] | None = None

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        self._result: Any = None
        result: Any = _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows
