"""What a MariaDB or MySQL URL means, and what no error may repeat of it."""

from __future__ import annotations

import socket
from pathlib import Path

import pymysql
import pytest

from boardlift.destinations.mysql import session
from boardlift.destinations.mysql.ddl import comment, index_name, keyed_texts
from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.mysql.errors import explain, read_url
from boardlift.errors import ConfigError, DestinationError
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT


def test_a_url_gives_the_options_of_the_driver() -> None:
    """Percent-encoded parts are decoded; the identity is for people and has no secret."""
    address = read_url("mariadb://etl:p%40ss%2Fword@warehouse:3307/?ssl_ca=/ca.pem&ssl_verify_identity=true")
    assert address.options == {
        **{"host": "warehouse", "port": 3307, "user": "etl", "password": "p@ss/word"},
        **{"ssl_ca": "/ca.pem", "ssl_verify_identity": True},
    }
    assert address.identity == "mariadb://warehouse:3307"
    assert "word" not in repr(address)


def test_a_socket_is_part_of_the_identity() -> None:
    """Two servers on one machine are two destinations."""
    assert read_url("mysql://root@localhost/?unix_socket=/run/a").identity == "mysql:///run/a"
    assert read_url("mysql://[::1]:3306").identity == "mysql://[::1]:3306"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:geheim@host:port/", "cannot be read"),
        ("mysql://u:geheim@host/analytics", "namespace is a database"),
        ("mysql://u:geheim@host/?charset=latin1", "'charset'"),
        ("mysql://u:geheim@host/?ssl=perhaps", "'ssl'"),
        ("mysql://u:geheim@host/?novalue", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, words: str) -> None:
    """With what to write instead, and without the password."""
    with pytest.raises(ConfigError, match=words) as caught:
        read_url(url)
    assert caught.value.hint
    assert "geheim" not in caught.value.message + caught.value.hint


def test_a_server_out_of_reach_is_named_without_the_password() -> None:
    """Neither in the message nor in its cause."""
    with pytest.raises(DestinationError) as caught:
        MySQL("mysql://etl:geheim@127.0.0.1:1/", "monday").generations()
    assert "mysql://127.0.0.1:1" in caught.value.message
    assert "running" in caught.value.hint
    assert "geheim" not in f"{caught.value} {caught.value.__cause__!r}"


def test_doctor_says_that_a_server_is_out_of_reach() -> None:
    """A finding, not an error."""
    (found,) = MySQL("mysql://etl:geheim@127.0.0.1:1/", "monday").findings()
    assert not found.ok


def test_texts_of_a_key_share_its_bytes() -> None:
    """One text may have 512 characters, two have 384 each, and a text outside of keys has no limit."""
    columns = (Column("a", TEXT), Column("b", TEXT), Column("c", TEXT), Column("n", BIGINT))
    assert keyed_texts(Table("t", columns, ("a",))) == {"a": 512}
    assert keyed_texts(Table("t", columns, ("a", "b"))) == {"a": 384, "b": 384}
    assert keyed_texts(Table("t", columns, ("n", "a", "b"))) == {"a": 383, "b": 383}
    assert keyed_texts(Table("t", columns, ("n",), indexes=(Index(("a",)), Index(("b", "c"), unique=True)))) == {
        "b": 384,
        "c": 384,
    }


def test_names_of_indexes_fit() -> None:
    """A long one is a hash, which differs where the columns do."""
    long = ("c" * 60, "d" * 60)
    assert index_name(Index(("status", "due"))) == "by_status_due"
    assert len(index_name(Index(long))) <= 64
    assert index_name(Index(long)) != index_name(Index(long, unique=True))


def test_comments_are_what_the_dictionary_can_hold() -> None:
    """Characters beyond U+FFFF are written as numbers, and what is too long is cut."""
    assert comment("Größe 名 🎉", 1024) == "Größe 名 \\u{1F389}"
    assert comment("x" * 2000, 1024) == "x" * 1021 + "..."


def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError, match=r"nowhere\.pem") as caught:
        MySQL(f"mysql://etl:geheim@127.0.0.1:1/?ssl_ca={tmp_path}/nowhere.pem", "monday").generations()
    assert "geheim" not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, and no greeting comes."""
    monkeypatch.setattr(session, "_GREETING_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DestinationError, match="be reached"):
        MySQL(f"mysql://etl@127.0.0.1:{silent.getsockname()[1]}/", "monday").generations()


@pytest.mark.parametrize(
    ("code", "said", "database"),
    [
        (1044, "Access denied for user 'etl'@'%' to database 'monday_test__boardlift'", "monday\\_test\\_\\_boardlift"),
        (1142, "CREATE command denied to user 'etl'@'%' for table `monday_rehearsal`.`t`", "monday\\_rehearsal"),
        (1142, "CREATE command denied to user 'etl'@'%' for table 't'", "<database>"),
    ],
)
def test_a_missing_right_names_its_database(code: int, said: str, database: str) -> None:
    """Which may be that of a test or of a rehearsal."""
    error = explain(read_url("mysql://etl@h/"), "write", pymysql.err.OperationalError(code, said))
    assert f"ON `{database}`.*" in error.hint
