"""What MariaDB's and MySQL's errors mean to a person, with every secret taken out of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pymysql

from boardlift.destinations.address import SecretKeeper
from boardlift.errors import ConfigError, DestinationError, PromotionConflict

_NO_RIGHT = (1044, 1142)
_DATABASE = re.compile(r"(?:to database '([^']+)'|for table [`'\"]([^`'\"]+)[`'\"]\.)")
_LOST = "the connection broke; run the same command again"

_HINTS = {
    1021: "free disk space on the database server and run the same command again; the live tables are as they were",
    1040: "the server has no connection left; close some, or raise max_connections",
    1045: "check user and password in the `destination:` URL",
    1048: "a value is missing where the column needs one; the live tables are as they were",
    1053: "the server is stopping; run the same command again when it is up",
    1064: "the server does not understand this SQL: correct the query, or report it if boardlift wrote it",
    1062: "a key appears twice in the staged table; the live tables are as they were",
    1071: "the key is longer than the 3,072 bytes that InnoDB allows; take a shorter one",
    1114: "free disk space on the database server and run the same command again; the live tables are as they were",
    1118: "a row is wider than InnoDB allows (about 8,000 bytes in the page): exclude columns of this board",
    1138: "a key is empty in the staged table; the live tables are as they were",
    1153: "raise max_allowed_packet on the server",
    1227: "this user lacks a privilege that the server names",
    1264: "a staged value does not fit its column; the live tables are as they were",
    1265: "a staged value does not fit its column; the live tables are as they were",
    1290: "the server does not take writes (a replica, or read_only); use the primary's URL",
    1364: "a column of people's own takes no row without a value: give it a default, or make it nullable",
    1366: "a staged value does not fit its column; the live tables are as they were",
    1406: "a staged value is longer than its column; a text that is part of a key holds up to 512 characters",
    1698: "check user and password in the `destination:` URL",
    1836: "the server does not take writes (a replica, or read_only); use the primary's URL",
    1927: _LOST,
    2002: "check host, port or unix_socket in the `destination:` URL, and that the server is running",
    2003: "check host, port or unix_socket in the `destination:` URL, and that the server is running",
    2005: "check the host name in the `destination:` URL",
    2006: _LOST,
    2013: _LOST,
    2026: "check the ssl_ options in the `destination:` URL",
    3750: "the server wants a primary key on every table: SET GLOBAL sql_require_primary_key = 0",
    3140: "a staged value is no JSON; the live tables are as they were",
    3157: "MySQL holds JSON of at most 100 levels; give this column `type: text`, or exclude it",
    4025: "a staged value breaks a CHECK of its column (MariaDB holds JSON of at most 32 levels: give such a column"
    " `type: text`, or exclude it); the live tables are as they were",
    4040: "MariaDB holds JSON of at most 32 levels; give this column `type: text`, or exclude it",
}
MISFIT = "a staged value does not fit its column; the live tables are as they were"
_TAKEN = 1050
TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
CERTIFICATES = ("ssl_ca", "ssl_cert", "ssl_key")
_OPTIONS = ("unix_socket", *CERTIFICATES, "read_default_file")
_SWITCHES = ("ssl", "ssl_verify_cert", "ssl_verify_identity")


@dataclass(frozen=True, repr=False)
class Address(SecretKeeper):
    """Where a URL leads. `options` are those of `pymysql.connect`."""

    options: dict[str, Any]


def read_url(url: str) -> Address:
    """A URL -> Address. Raises ConfigError, which repeats nothing of the URL, for one that cannot be meant."""
    try:
        parts = urlsplit(url)
        port = parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _unreadable("The MariaDB or MySQL URL in `destination:` cannot be read.") from None
    if parts.path.strip("/"):
        raise _unreadable(
            "The MariaDB or MySQL URL in `destination:` names a database, but here every namespace is a database.",
            f"end the URL after the port, and write `namespace: {unquote(parts.path.strip('/'))}`",
        )
    options: dict[str, Any] = {"host": parts.hostname or "localhost", "port": port or 3306}
    if parts.username:
        options["user"] = unquote(parts.username)
    password = parts.password or ""
    if password:
        options["password"] = unquote(password)
    for name, value in pairs:
        if name in _OPTIONS:
            options[name] = str(Path(value).expanduser())
        elif name in _SWITCHES and value.lower() in TRUTHS:
            options[name] = TRUTHS[value.lower()]
        else:
            known = ", ".join((*_OPTIONS, *_SWITCHES))
            raise _unreadable(
                f"The MariaDB or MySQL URL in `destination:` has the option {name!r}, which is not known or has no"
                " value that is.",
                f"use one of {known}; switches take true or false",
            )
    _encrypted(options)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "localhost")
    place = str(options.get("unix_socket") or f"{host}:{options['port']}")
    secrets = sorted({one for one in (url, password, unquote(password)) if len(one) > 2}, key=len, reverse=True)
    return Address(f"{parts.scheme}://{place}", tuple(secrets), options)


def _encrypted(options: dict[str, Any]) -> None:
    """`ssl=true` asks for encryption without a look at the certificate, `ssl=false` for none."""
    wanted = options.pop("ssl", None)
    if wanted is False:
        options["ssl_disabled"] = True
    elif wanted is True and not any(str(name).startswith("ssl_") for name in options):
        options["ssl"] = {"check_hostname": False, "verify_mode": "none"}


def _unreadable(message: str, hint: str = "") -> ConfigError:
    return ConfigError(
        message,
        hint=hint or "write mariadb://user:password@host:3306/, with special characters percent-encoded",
    )


@contextmanager
def speaking(address: Address, action: str) -> Iterator[None]:
    """Turn the driver's errors into ours: `<identity> could not <action>: <first line>`, and what to do about it."""
    try:
        yield
    except pymysql.err.MySQLError as error:
        raise explain(address, action, error) from error


def explain(address: Address, action: str, error: Exception) -> DestinationError:
    """The DestinationError for a driver's error, whose own text is scrubbed in place, for it stays as the cause."""
    error.args = tuple(address.scrub(arg) if isinstance(arg, str) else arg for arg in error.args)
    code = code_of(error)
    words = [arg for arg in error.args if isinstance(arg, str) and arg.strip()]
    said = words[-1].strip().splitlines()[0] if words else "the connection is closed" if code == 0 else repr(error)
    message = f"{address.identity} could not {action}: {said}"
    if code == _TAKEN:
        hint = "rename or drop what has the name, or give the board another `table:` name in boardlift.yaml"
        return PromotionConflict(message, hint=hint)
    if code in _NO_RIGHT:
        return DestinationError(message, hint=_grants(said))
    return DestinationError(message, hint=_HINTS.get(code, _LOST if code == 0 else ""))


def hint_of(codes: Iterable[int]) -> str:
    """What to do about the first of these error numbers that has a way out; for any other, that a value misfits."""
    return next((_HINTS[code] for code in codes if code in _HINTS), MISFIT)


def _grants(said: str) -> str:
    """What lets a user write in the database that an error names; the `_` of a name stands for itself."""
    found = _DATABASE.search(said)
    database = (found[1] or found[2]) if found else "<database>"
    escaped = database.replace("_", "\\_")
    return f"let this user write: GRANT ALL ON `{escaped}`.* TO <user>"


def code_of(error: BaseException | None) -> int:
    """The server's or the driver's error number; -1 for anything else, 0 for a connection that is closed."""
    if isinstance(error, pymysql.err.MySQLError) and error.args and isinstance(error.args[0], int):
        return error.args[0]
    return -1


LOST = frozenset({0, 1053, 1927, 2006, 2013, 2014})
"""Errors after which the connection is gone and, in a commit, the outcome is not known."""
