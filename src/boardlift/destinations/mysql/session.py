"""One connection to MariaDB or MySQL, set so that SQL composed for the standard means what it says."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pymysql
from pymysql.constants import FIELD_TYPE
from pymysql.converters import decoders

from boardlift.destinations.mysql.errors import CERTIFICATES, Address, speaking
from boardlift.destinations.mysql.feed import FeedingConnection
from boardlift.errors import CapabilityMissing, ConfigError
from boardlift.shape.sql import SQL, Composable, Literal

Rows = list[tuple[object, ...]]

_OLDEST = {True: (10, 6), False: (8, 0, 17)}  # by whether it is MariaDB
_MODE = (
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
_TIME = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
# The longest time that all platforms take; a lease waits in silence for as long as its run lasts.
_GREETING_SECONDS = 15
_PATIENCE = 2_147_483


class Session:
    """A connection in autocommit. `id` is the server's number for it, `mariadb` says which of the two it is."""

    def __init__(self, address: Address, program: str) -> None:
        self._address = address
        with speaking(address, "be reached"), _reading_files(address):
            self.raw = FeedingConnection(
                **address.options,
                read_timeout=_GREETING_SECONDS,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=15,
                local_infile=True,
                program_name=program,
                conv=_CONVERSIONS,
            )
            raw: Any = self.raw
            raw._read_timeout = None  # from here on an answer may take as long as the work does
            try:
                self._settle()
            except BaseException:
                self.raw.close()
                raise

    def _settle(self) -> None:
        ((version, comment),) = self.ask(SQL("SELECT VERSION(), @@version_comment"))
        self.version = str(version)
        self.mariadb = "mariadb" in f"{version} {comment}".lower()
        self.numbers = tuple(int(part) for part in re.findall(r"\d+", self.version.removeprefix("5.5.5-"))[:3])
        if self.numbers < _OLDEST[self.mariadb]:
            wanted = ".".join(map(str, _OLDEST[self.mariadb]))
            raise CapabilityMissing(
                f"{self._address.identity} is {self.product} {self.version}; boardlift needs {wanted} or later.",
                hint="upgrade the server",
            )
        self.run(SQL("SET SESSION sql_mode = {}").format(Literal(_MODE)))
        self.run(SQL("SET NAMES utf8mb4 COLLATE {}").format(self.collation))
        for setting in (
            SQL("SET SESSION time_zone = '+00:00'"),
            SQL("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
            SQL("SET SESSION lock_wait_timeout = 10"),
            SQL("SET SESSION innodb_lock_wait_timeout = 10"),
            SQL("SET SESSION wait_timeout = {}").format(Literal(_PATIENCE)),
            SQL("SET SESSION group_concat_max_len = 1048576"),
        ):
            self.run(setting)
        # Without it a table of more than 196 texts cannot be made; with it a row that is too wide is still an error.
        with suppress(pymysql.err.MySQLError):
            self.run(SQL("SET SESSION innodb_strict_mode = 0"))
        if not self.mariadb:  # sizes and indexes as they are now, not as they were a day ago
            self.run(SQL("SET SESSION information_schema_stats_expiry = 0"))

    @property
    def product(self) -> str:
        return "MariaDB" if self.mariadb else "MySQL"

    @property
    def instant_columns(self) -> bool:
        """Whether columns come and go anywhere in a table without a rewrite of its rows."""
        return self.mariadb or self.numbers >= (8, 0, 29)

    @property
    def collation(self) -> Composable:
        """Where two texts are equal exactly if their bytes are, spaces at the end included."""
        return SQL("utf8mb4_nopad_bin") if self.mariadb else SQL("utf8mb4_0900_bin")

    @property
    def id(self) -> int:
        raw: Any = self.raw
        return int(raw.thread_id())

    @property
    def closed(self) -> bool:
        return not self.raw.open

    def ask(self, statement: Composable) -> Rows:
        """The rows of a statement. Raises the driver's errors."""
        with self.raw.cursor() as cursor:
            cursor.execute(statement.text)
            return [tuple(row) for row in cursor.fetchall()]

    def run(self, statement: Composable) -> int:
        """The number of rows that a statement changed. Raises the driver's errors."""
        with self.raw.cursor() as cursor:
            return int(cursor.execute(statement.text))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is run inside, or nothing."""
        self.run(SQL("START TRANSACTION"))
        try:
            yield
            self.run(SQL("COMMIT"))
        except BaseException:
            self.undo()
            raise

    @contextmanager
    def escaping(self) -> Iterator[None]:
        """Backslashes in texts are escapes meanwhile, as in what SHOW CREATE TABLE says."""
        self.run(SQL("SET SESSION sql_mode = {}").format(Literal(_MODE.replace("NO_BACKSLASH_ESCAPES,", ""))))
        try:
            yield
        finally:
            try:
                self.run(SQL("SET SESSION sql_mode = {}").format(Literal(_MODE)))
            except pymysql.err.MySQLError:  # in the wrong mode no text means what it says
                self.close()

    def undo(self) -> None:
        """Leave no transaction open. A connection that broke, or was left in the middle of an answer, is closed."""
        try:
            self.run(SQL("ROLLBACK"))
        except Exception:  # noqa: BLE001 (whatever it is, the server rolls back when the connection is gone)
            self.close()

    def close(self) -> None:
        with suppress(pymysql.err.MySQLError, OSError):
            self.raw.close()


@contextmanager
def _reading_files(address: Address) -> Iterator[None]:
    """The driver reads certificates before it connects; what it then raises names no file."""
    try:
        yield
    except OSError as error:
        named = [str(address.options[name]) for name in CERTIFICATES if name in address.options]
        missing = [name for name in named if not os.access(name, os.R_OK)]
        raise ConfigError(
            f"{address.identity} could not be reached: {', '.join(missing or named)} cannot be used"
            f" ({error.strerror or error}).",
            hint="check the files that the ssl_ options in the `destination:` URL name",
        ) from error


def _clock(text: Any) -> time | timedelta | str:
    """A TIME: a time of day where it is one, else the span of time that it is."""
    found = _TIME.fullmatch(str(text))
    if not found:
        return str(text)
    sign, hours, minutes, seconds, fraction = found.groups()
    parts = (int(hours), int(minutes), int(seconds), int((fraction or "").ljust(6, "0")))
    if not sign and parts[0] < 24:
        return time(*parts)
    span = timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2], microseconds=parts[3])
    return -span if sign else span


def _instant(text: Any) -> datetime | str:
    """A DATETIME, which here is in UTC."""
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        return str(text)


_CONVERSIONS: dict[Any, Any] = {**decoders, FIELD_TYPE.TIME: _clock, FIELD_TYPE.DATETIME: _instant}
