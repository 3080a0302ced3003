"""Reaching PostgreSQL: every failure is a clear sentence, and no password is in it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from psycopg import sql

from boardlift.destinations.interface import StagedGroup
from boardlift.destinations.postgres.engine import Postgres, connect
from boardlift.errors import ConfigError, DestinationError, LeaseHeld
from boardlift.shape.table import Column, Table
from boardlift.shape.types import JSON, NUMBER, TEXT, Kind, SqlType
from boardlift.testing.arrow import Rows

SECRET = "s3cr3t%2Fword"
PLAIN = "s3cr3t/word"


@pytest.fixture
def ready(postgres_url: str) -> Iterator[Postgres]:
    destination = Postgres(postgres_url, "monday")
    destination.prepare()
    yield destination
    destination.close()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}%@host/db",
        f"postgresql://user:{SECRET}@host/db?no_such_option={SECRET}",
        f"postgresql://user:{SECRET}@[::1/db",
    ],
)
def test_an_unreadable_url_is_not_repeated(url: str) -> None:
    """libpq's complaint would quote the URL, so ours does not use it."""
    with pytest.raises(ConfigError) as caught:
        connect(url, "monday")
    everything = caught.value.message + caught.value.hint + repr(caught.value.__cause__)
    assert "s3cr3t" not in everything


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("nowhere.invalid/db", "host name"),
        ("127.0.0.1:1/db", "host and port"),
        (f"/db?host=/no/such/folder&password={SECRET}", "socket folder"),
    ],
)
def test_out_of_reach_is_explained_without_the_password(place: str, hint: str) -> None:
    """Host, port and socket each have their own hint."""
    destination = connect(f"postgresql://user:{SECRET}@{place}", "monday")
    with pytest.raises(DestinationError) as caught:
        destination.prepare()
    assert hint in caught.value.hint
    shown = [caught.value.message, repr(caught.value.__cause__), destination.identity, repr(destination)]
    shown += [finding.fact for finding in destination.findings()]
    for text in shown:
        assert "s3cr3t" not in text
    assert [finding.ok for finding in destination.findings()] == [False]


def test_a_missing_database_is_explained(postgres_url: str) -> None:
    """A wrong database name says which and what to do."""
    destination = connect(postgres_url.replace("/t", "/no_such_", 1), "monday")
    with pytest.raises(DestinationError, match="no_such_") as caught:
        destination.prepare()
    assert "make the database" in caught.value.hint


@pytest.fixture
def visitor(postgres_url: str) -> Iterator[str]:
    """The URL of a user who may connect and nothing else."""
    name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]
    role = sql.Identifier(f"visitor_{name}")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        yield postgres_url.replace("postgres@", f"visitor_{name}@")
        admin.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
        admin.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_user_who_may_not_create_is_told_which_grant_is_missing(visitor: str) -> None:
    """Both as an error of the first run and as a finding of `doctor`."""
    destination = connect(visitor, "monday")
    with pytest.raises(DestinationError, match="permission denied") as caught:
        destination.prepare()
    assert "GRANT CREATE ON DATABASE" in caught.value.hint
    assert [(f.ok, bool(f.fix)) for f in destination.findings()] == [(True, False), (False, True)]
    destination.close()


def test_schemas_made_by_an_administrator_are_enough(visitor: str, postgres_url: str) -> None:
    """A user without the right to create schemas can own two that were made for it."""
    owner = sql.Identifier(str(psycopg.conninfo.conninfo_to_dict(visitor)["user"]))
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        for schema in ("monday", "monday__boardlift"):
            admin.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(schema), owner))
    destination = connect(visitor, "monday")
    destination.prepare()
    table = Table("t", (Column("a", TEXT),))
    for generation in (1, 2):
        ref = destination.stage("1", generation, table)
        destination.append(ref, Rows(f"SELECT 'v{generation}'"))
        destination.promote("run", [StagedGroup("1", generation, ((ref, 1),))])
    assert destination.query("SELECT a FROM monday.t")[1] == [("v2",)]
    assert all(finding.ok for finding in destination.findings())
    destination.close()


def test_the_holder_of_the_lease_is_named_with_time_and_process(ready: Postgres, postgres_url: str) -> None:
    """Whoever is refused knows whom to ask; another namespace is not affected."""
    other = Postgres(postgres_url, "monday")
    with ready.lease("sync on build-7"):
        with pytest.raises(LeaseHeld, match="sync on build-7") as caught, other.lease("me"):
            pass
        with Postgres(postgres_url, "elsewhere").lease("me"):
            pass
        with pytest.raises(LeaseHeld), ready.lease("again"):
            pass
    assert caught.value.since is not None
    assert "pid" in caught.value.by


def test_json_with_an_escaped_nul_is_stored_without_it(ready: Postgres) -> None:
    """jsonb cannot hold U+0000; an escaped backslash before the digits is no such thing."""
    texts = [r'"a\u0000b"', r'"\u0000\u0000"', r'"\\u0000"', r'"\\\u0000x"', r'{"\u0000k": "\u00e9"}']
    ref = ready.stage("1", 1, Table("t", (Column("n", TEXT), Column("doc", JSON))))
    values = ", ".join(f"('{number}', '{text}')" for number, text in enumerate(texts))
    assert ready.append(ref, Rows(f"SELECT * FROM (VALUES {values}, ('9', NULL))")) == 6
    _, rows = ready.query("SELECT doc FROM monday__boardlift.t__g1 ORDER BY n")
    found = [json.loads(str(doc)) if doc is not None else None for (doc,) in rows]
    assert found == ["ab", "", r"\u0000", "\\x", {"k": "é"}, None]


def test_json_that_is_none_is_refused_by_name(ready: Postgres) -> None:
    """A value that does not fit stops the load; the connection can be used again."""
    ref = ready.stage("1", 1, Table("t", (Column("doc", JSON),)))
    with pytest.raises(DestinationError, match="load t") as caught:
        ready.append(ref, Rows("SELECT '{broken'"))
    assert "does not fit" in caught.value.hint
    assert ready.append(ref, Rows("SELECT '{}'")) == 1
    assert ready.measure(ref).rows == 1


@pytest.mark.parametrize(("precision", "scale"), [(38, 10), (38, 0), (38, 38), (18, 2), (9, 4), (1, 0), (5, 5)])
def test_decimals_of_every_size_arrive_exactly(ready: Postgres, precision: int, scale: int) -> None:
    """Binary COPY writes numbers in groups of four digits; every position of the point must come out right."""
    chance = random.Random(precision * 100 + scale)
    digits = [chance.randrange(10 ** chance.randint(1, precision)) for _ in range(300)]
    digits += [0, 1, 10**precision - 1] + [10**power for power in range(precision)]
    values = [Decimal(f"{sign * number}e-{scale}") for number in digits for sign in (1, -1)]
    type_ = SqlType(Kind.DECIMAL, precision, scale)
    ref = ready.stage("1", 1, Table("t", (Column("n", SqlType(Kind.BIGINT)), Column("v", type_))))
    rows = ", ".join(f"({n}, '{value:f}'::{type_})" for n, value in enumerate(values))
    ready.append(ref, Rows(f"SELECT * FROM (VALUES {rows})"))
    assert [row[1] for row in ready.query("SELECT * FROM monday__boardlift.t__g1 ORDER BY n")[1]] == values


def test_numbers_are_numeric_and_documents_jsonb(ready: Postgres) -> None:
    """The types a person sees in the database are those promised."""
    ready.stage("1", 1, Table("t", (Column("a", NUMBER), Column("b", JSON), Column("c", SqlType(Kind.TIMESTAMP)))))
    _, rows = ready.query(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'monday__boardlift.t__g1'::regclass AND attnum > 0 ORDER BY attnum"
    )
    assert rows == [("numeric(38,10)",), ("jsonb",), ("timestamp with time zone",)]
