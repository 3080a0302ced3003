"""Reaching SQL Server: failures are clear sentences without a password, and tables that cannot be are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import mssql_python
import pytest

from boardlift.destinations.interface import Replace
from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.batches import Batches
from boardlift.destinations.mssql.ddl import create_statements, key_widths, misfits
from boardlift.destinations.mssql.engine import MSSQL, connect
from boardlift.destinations.mssql.sql import Name
from boardlift.destinations.mssql.url import Address, read_url
from boardlift.errors import CapabilityMissing, ConfigError, DestinationError, LeaseHeld
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, DOUBLE, NUMBER, TEXT, TIMESTAMP
from boardlift.testing.arrow import Rows
from support.mssql_script import PLANNING, TABLE, Server, book

SECRET = "s3cr3t%3B%7Dword"
PLAIN = "s3cr3t;}word"
URL = f"mssql://etl:{SECRET}@warehouse/analytics"


def failing(words: str) -> MSSQL:
    """A destination whose server answers with an error."""

    def refuse(_address: Address) -> object:
        raise mssql_python.OperationalError("Client unable to establish connection", f"[Microsoft][SQL Server]{words}")

    return MSSQL(URL, "monday", connector=refuse)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "mssql://etl:pw@warehouse/analytics",
            "Server=warehouse,1433;Database=analytics;UID=etl;PWD=pw;Encrypt=yes;ConnectRetryCount=0",
        ),
        (
            f"mssql://etl:{SECRET}@10.0.0.1:14330/my%20base?TrustServerCertificate=yes&encrypt=strict",
            "Server=10.0.0.1,14330;Database={my base};UID=etl;PWD={s3cr3t;}}word};Encrypt=strict;ConnectRetryCount=0;"
            "TrustServerCertificate=yes",
        ),
        (
            "mssql://x.database.windows.net/db?authentication=ActiveDirectoryDefault",
            "Server=x.database.windows.net,1433;Database=db;Encrypt=yes;ConnectRetryCount=0;"
            "Authentication=ActiveDirectoryDefault",
        ),
    ],
    ids=["login", "special characters", "Entra"],
)
def test_a_url_becomes_what_the_driver_takes(url: str, expected: str) -> None:
    """Encryption is on unless asked otherwise, and no session is silently made anew."""
    from mssql_python.connection_string_parser import _ConnectionStringParser

    address = read_url(url)
    assert address.connection_string == expected
    assert _ConnectionStringParser(validate_keywords=True)._parse(expected)["server"].startswith(address.identity[8:12])


@pytest.mark.parametrize(
    "url",
    [
        f"mssql://etl:{SECRET}@host",
        f"mssql://etl:{SECRET}@host:port/db",
        f"mssql://etl:{SECRET}@host/db?pwd={SECRET}",
        f"mssql://etl:{SECRET}@host/db?app={SECRET}",
        f"mssql://:{SECRET}@host/db",
        f"mssql://etl:{SECRET}@[::1/db",
    ],
)
def test_an_unusable_url_is_not_repeated(url: str) -> None:
    """The sentence says what is missing, and nothing of what was written."""
    with pytest.raises(ConfigError) as caught:
        connect(url, "monday")
    assert caught.value.hint
    assert "s3cr3t" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("Login failed for user 'etl'.", "user and password"),
        ('Cannot open database "analytics" requested by the login. The login failed.', "user and password"),
        ("TCP Provider: Error code 0x2749", "host and port"),
        ("Login timeout expired", "firewall"),
        ("SSL Provider: [error:0A000086:SSL routines::certificate verify failed]", "trustservercertificate"),
        ("CREATE SCHEMA permission was denied", "GRANT CREATE SCHEMA"),
        ("The transaction log for database 'analytics' is full", "transaction log"),
    ],
)
def test_out_of_reach_is_explained_without_the_password(words: str, hint: str) -> None:
    """Each kind of failure has its own hint; findings say the same."""
    destination = failing(f"{words} {PLAIN} {URL}")
    with pytest.raises(DestinationError, match="mssql://warehouse:1433/analytics could not be reached") as caught:
        destination.generations()
    assert hint in caught.value.hint
    shown = [caught.value.message, repr(caught.value.__cause__), str(caught.value.__cause__), repr(vars(destination))]
    shown += [finding.fact for finding in destination.findings()]
    for text in shown:
        assert "s3cr3t" not in text
    assert [finding.ok for finding in destination.findings()] == [False]


def test_an_old_server_is_refused_by_its_version() -> None:
    """With the version that it is and the one that is needed."""
    destination = MSSQL(URL, "monday", connector=Server(version="13.0.7000.1").connect)
    with pytest.raises(CapabilityMissing, match=r"is SQL Server 13\.0\.7000\.1; boardlift needs 2017"):
        destination.generations()


def test_findings_tell_of_row_versions_and_rights() -> None:
    """What is worse without them, and the statement that gives them."""
    server = Server(versioned=False, sees=False)
    found = {each.subject: each for each in MSSQL(URL, "monday", connector=server.connect).findings()}
    assert "SQL Server 16.0.4135.4 (Developer)" in found["destination"].fact
    assert "ALTER DATABASE [analytics] SET READ_COMMITTED_SNAPSHOT ON" in found["destination readers"].fact
    assert "VIEW SERVER STATE" in found["destination blockers"].fact
    assert all(each.ok for each in found.values())


def test_findings_tell_when_views_cannot_be_found() -> None:
    """A swap could break one that nobody was told of, so this is not as it should be."""
    found = {each.subject: each for each in MSSQL(URL, "monday", connector=Server(finds=False).connect).findings()}
    assert not found["destination views"].ok
    assert "GRANT SELECT ON sys.sql_expression_dependencies TO <user>" in found["destination views"].fix


def test_what_may_not_be_read_is_not_asked() -> None:
    """A login that is no db_owner may not read some of the catalogue; the server is asked which."""
    asked = questions.which_views(["sys.a", "sys.b"]).text
    assert asked.count("HAS_PERMS_BY_NAME(N'sys.") == 2
    assert "OBJECT_ID(N'sys.b') IS NOT NULL AND HAS_PERMS_BY_NAME(N'sys.b', N'OBJECT', N'SELECT') = 1" in asked


def test_the_database_is_asked_for_by_its_name() -> None:
    """Azure SQL gives it another id in sys.databases; and it may be called anything."""
    live = book(("1", 1, "planning__g1", "live"))
    server = Server(tables={("monday", "planning"): PLANNING}, book=live)
    destination = MSSQL(URL, "monday", connector=server.connect)
    destination.findings()
    destination.replacements("1", [TABLE], Replace.IN_PLACE)
    sent = "\n".join(server.sent)
    assert sent.count("name = DB_NAME()") == 2
    assert "database_id = DB_ID()" not in sent
    assert "NAME(DB_NAME()" not in sent.replace("QUOTENAME(DB_NAME()", "")


def test_the_holder_of_the_lease_is_named() -> None:
    """By what its session says of itself, with host and time."""
    since = datetime(2026, 3, 1, 8)
    server = Server(granted=-1, holder=[(61, b"ann@laptop, process 7: sync" + bytes(101), "laptop", "etl", since)])
    with pytest.raises(LeaseHeld) as caught, MSSQL(URL, "monday", connector=server.connect).lease("me"):
        pass
    assert caught.value.by == "ann@laptop, process 7: sync (session 61 on laptop)"
    assert caught.value.since == since.replace(tzinfo=UTC)


def test_a_holder_that_may_not_be_seen_is_told_as_such() -> None:
    """With the right that would show it."""

    def fail(text: str) -> None:
        if "resource_type" in text:
            raise mssql_python.ProgrammingError("x", "[Microsoft][SQL Server]VIEW SERVER STATE permission was denied")

    server = Server(granted=-1, fail=fail)
    with (
        pytest.raises(LeaseHeld, match="may not see") as caught,
        MSSQL(URL, "monday", connector=server.connect).lease("x"),
    ):
        pass
    assert "GRANT VIEW SERVER STATE" in caught.value.hint


def table(columns: int, kind: object = TEXT, *, key: tuple[str, ...] = ()) -> Table:
    return Table("wide", tuple(Column(f"c{n}", kind) for n in range(columns)), key)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wide", "told"),
    [
        (table(1025), "wide would have 1,025 columns, but a table in SQL Server has 1,024 at most."),
        (table(900, NUMBER), "A row of wide needs"),
        (table(40, BIGINT, key=tuple(f"c{n}" for n in range(33))), "The key"),
        (Table("n" * 129, (Column("a", TEXT),)), "128 characters"),
    ],
    ids=["columns", "bytes", "key", "name"],
)
def test_a_table_that_cannot_be_is_refused_before_anything_is_made(wide: Table, told: str) -> None:
    """By the plan as an obstacle, by staging as an error with a way out."""
    server = Server()
    destination = MSSQL(URL, "monday", connector=server.connect)
    (found,) = destination.replacements("1", [wide], Replace.SWAP)
    assert any(told in obstacle for obstacle in found.obstacles)
    with pytest.raises(CapabilityMissing, match="Production was not changed") as caught:
        destination.stage("1", 1, wide)
    assert told in caught.value.message
    assert "exclude" in caught.value.hint
    assert not [text for text in server.sent if "CREATE TABLE" in text]


@pytest.mark.parametrize(
    ("fits", "statements"),
    [(table(1024, BIGINT), 0), (table(470, NUMBER), 1), (table(308), 1), (table(309), 2), (table(1024), 2)],
    ids=["bigint", "decimals", "texts in the row", "texts out of the row", "most texts"],
)
def test_a_wide_table_keeps_long_texts_out_of_the_row(fits: Table, statements: int) -> None:
    """Where their pointers would not fit beside each other."""
    if not statements:
        assert misfits(fits)  # 8 KB of numbers and their bits
    else:
        assert misfits(fits) == []
        assert len(create_statements(Name("s", "t"), fits)) == statements


def test_text_in_keys_and_indexes_has_a_size() -> None:
    """As large as all of a key's columns can have at once."""
    texts = [Column(name, TEXT) for name in "abcd"]
    columns = (*texts, Column("n", BIGINT), Column("t", TIMESTAMP), Column("f", DOUBLE))
    made = Table("t", columns, key=("a", "n"), indexes=(Index(("a", "b")), Index(("b", "c", "d", "t"))))
    assert key_widths(made) == {"a": 400, "b": 281, "c": 281, "d": 281}


def test_a_text_that_does_not_fit_its_key_is_named_and_never_cut() -> None:
    """Before any row is sent."""
    server = Server()
    destination = MSSQL(URL, "monday", connector=server.connect)
    tags = Table("tags", (Column("tag", TEXT),), key=("tag",))
    ref = destination.stage("1", 1, tags)
    with pytest.raises(DestinationError, match=r"tags\.tag has 402 characters, but SQL Server keeps 400") as caught:
        destination.append(ref, Rows("SELECT repeat('🎉', 201)"))
    assert "Production was not changed." in caught.value.message
    assert server.loads == []
    assert destination.append(ref, Rows("SELECT repeat('🎉', 200)")) == 1


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_double_that_sql_server_has_not_is_named(value: str) -> None:
    """Before any row is sent."""
    server = Server()
    destination = MSSQL(URL, "monday", connector=server.connect)
    ref = destination.stage("1", 1, Table("rates", (Column("rate", DOUBLE),)))
    with pytest.raises(DestinationError, match=rf"rates\.rate is {value}.*Production was not changed\."):
        destination.append(ref, Rows(f"SELECT * FROM (VALUES (1.5), (NULL), ('{value}'::DOUBLE))"))
    assert server.loads == []


def test_a_double_nearer_to_zero_than_any_of_sql_server_is_zero() -> None:
    """The others, and NULL, stay as they are."""
    rates = Table("rates", (Column("rate", DOUBLE),))
    least = "2.2250738585072014e-308"
    values = ", ".join(f"({value})" for value in ("5e-324", "-2e-308", least, f"-{least}", "0", "NULL", "-1e300"))
    reader = Batches(rates, Rows(f"SELECT v::DOUBLE FROM (VALUES {values}) AS t (v)")).reader()
    assert reader is not None
    assert reader.read_all().column(0).to_pylist() == [0, 0, float(least), -float(least), 0, None, -1e300]
