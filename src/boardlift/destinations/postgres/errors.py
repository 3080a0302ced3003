"""What PostgreSQL's errors mean to a person, with every secret taken out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import adbc_driver_manager as adbc
import duckdb
import psycopg
from psycopg.conninfo import conninfo_to_dict

from boardlift.destinations.address import SecretKeeper
from boardlift.errors import ConfigError, DestinationError, PromotionConflict

_SECRET_KEYS = ("password", "sslpassword", "passfile", "oauth_client_secret")

# SQLSTATE, or its first two characters -> what to do. The longest match counts.
_HINTS = {
    "23505": "a key appears twice in the staged table; the live tables are as they were",
    "23502": "a key is empty in the staged table; the live tables are as they were",
    "22": "a staged value does not fit its column; the live tables are as they were",
    "25006": "the server does not take writes (a standby, or read-only by default); use the primary's URL",
    "28": "check user and password in the `destination:` URL",
    "3D000": "make the database first: createdb <name>",
    "42501": "let this user write: GRANT CREATE ON DATABASE <database> TO <user>, or make it the owner of both schemas",
    "53100": "free disk space on the database server and run the same command again; the live tables are as they were",
    "53300": "the server has no connection left; close some, or raise max_connections",
    "53": "the server is short of memory or another resource; its log says which",
    "57P": "the server is stopping or restarting; run the same command again when it is up",
    "08": "the connection broke; run the same command again",
}
# Failures to connect carry no SQLSTATE, only words.
_WORDS = {
    "password authentication failed": _HINTS["28"],
    "no password supplied": "put the password into the `destination:` URL, PGPASSWORD or ~/.pgpass",
    "does not exist": "make the database or the role first, or correct the `destination:` URL",
    "resolve host": "check the host name in the `destination:` URL",
    "translate host": "check the host name in the `destination:` URL",
    "connection refused": "check host and port in the `destination:` URL, and that the server is running",
    "no such file": "check the socket folder (host=) in the `destination:` URL, and that the server is running",
    "timeout": "check host and port in the `destination:` URL, and that a firewall lets you through",
    "ssl": "check sslmode= in the `destination:` URL",
    "pg_hba": "let this user and host in through the server's pg_hba.conf",
    "too many": _HINTS["53300"],
    "starting up": _HINTS["57P"],
    "closed": _HINTS["08"],
    "lost": _HINTS["08"],
}
_TAKEN = {"42P07", "42710"}  # a table, or a type, of that name exists


@dataclass(frozen=True, repr=False)
class Address(SecretKeeper):
    """Where a PostgreSQL URL leads."""

    url: str


def read_url(url: str) -> Address:
    """A libpq URL -> Address. Raises ConfigError, which repeats nothing of the URL, for one that libpq cannot read."""
    try:
        parts = conninfo_to_dict(url)
        raw = urlsplit(url)
    except (psycopg.Error, ValueError):
        unreadable = ConfigError(
            "The PostgreSQL URL in `destination:` cannot be read.",
            hint="write postgresql://user:password@host:5432/database, with special characters percent-encoded",
        )
        raise unreadable from None
    secrets = {str(parts[key]) for key in _SECRET_KEYS if parts.get(key)}
    password = raw.netloc.rpartition("@")[0].partition(":")[2]
    secrets |= {password, unquote(password)}
    host = str(parts.get("host") or parts.get("hostaddr") or "localhost")
    port = f":{parts['port']}" if parts.get("port") else ""
    database = str(parts.get("dbname") or parts.get("user") or "")
    by_length = sorted((secret for secret in secrets if len(secret) > 2), key=len, reverse=True)
    return Address(f"postgresql://{host}{port}/{database}", (url, *by_length), url)


@contextmanager
def speaking(
    address: Address, action: str, refine: Callable[[psycopg.Error, DestinationError], DestinationError] | None = None
) -> Iterator[None]:
    """Turn the drivers' errors into ours: `<identity> could not <action>: <first line>`, and what to do about it.

    `refine` may put a more telling error in place of the general one.
    """
    try:
        yield
    except psycopg.Error as error:
        explained = explain(address, action, error, error.sqlstate)
        raise refine(error, explained) if refine else explained from error
    except adbc.Error as error:
        raise explain(address, action, error, error.sqlstate) from error
    except duckdb.Error as error:  # a value of the stream that its column cannot take
        raise explain(address, action, error, "22000") from error


def built_upon(error: psycopg.Error, explained: DestinationError) -> DestinationError:
    """A kept table that cannot be dropped, with the names of what people built on it."""
    if not isinstance(error, psycopg.errors.DependentObjectsStillExist):
        return explained
    return DestinationError(
        f"{explained.message} ({error.diag.message_detail}). The live tables are not affected.",
        hint="build it on the live table instead, or drop it: kept generations come and go",
    )


def explain(address: Address, action: str, error: Exception, sqlstate: str | None) -> DestinationError:
    """The DestinationError for a driver's error, whose own text is scrubbed in place, for it stays as the cause."""
    error.args = tuple(address.scrub(arg) if isinstance(arg, str) else arg for arg in error.args)
    lines = str(error).strip().splitlines()
    said = address.scrub(lines[0]) if lines else type(error).__name__
    message = f"{address.identity} could not {action}: {said}"
    if sqlstate in _TAKEN:
        hint = "rename or drop what has the name, or give the board another `table:` name in boardlift.yaml"
        return PromotionConflict(message, hint=hint)
    return DestinationError(message, hint=_hint(said, sqlstate or ""))


def _hint(said: str, sqlstate: str) -> str:
    for length in (5, 3, 2):
        if sqlstate[:length] in _HINTS:
            return _HINTS[sqlstate[:length]]
    if sqlstate[:2] in {"42", "P0"}:  # said by the server about a statement, not about the way to it
        return ""
    lower = said.lower()
    return next((hint for words, hint in _WORDS.items() if words in lower), "")
