"""What people and machines get wrong, through the real command line: one clear sentence, a hint, nothing changed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import psycopg
import pytest

from boardlift.cli.errors import EXIT_CODES, FAILED, INTERRUPTED, OK, UNKNOWN, USAGE
from boardlift.sandbox import Account, Fault, Sandbox
from support.commands import CommandLine, Ended, configuration
from support.postgres import Server

WHOLE = bool(os.environ.get("BOARDLIFT_WHOLE"))
"""Set it to run every case plain, with `--debug`, `--json` and `--log-json`; else each case meets one of them."""
PASSWORD = "hunter2-the-password"
WRONG_TOKEN = "wrong-token-that-nobody-may-see"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=2, items=20, columns=4)) as running:
        yield running


@dataclass(frozen=True)
class Place:
    """What a case may use to make a mess."""

    command: CommandLine
    url: str
    folder: Path
    destination: str
    boards: list[str] = field(default_factory=list)

    def configure(self, text: str = "", **named: str) -> None:
        named.setdefault("destination", self.destination)
        self.command.config.write_text(text or configuration(self.url, **named), encoding="utf-8")


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Place:
    destination = f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
    return Place(command, sandbox.url, tmp_path, destination, [str(board.id) for board in sandbox.account.boards])


@dataclass(frozen=True)
class Case:
    """A mess, the exit code it ends in, and words of the error that help."""

    name: str
    make: Callable[[Place], object]
    code: int
    words: tuple[str, ...]
    arguments: tuple[str, ...] = ("sync",)


def no_token(place: Place) -> None:
    del place.command.env["MONDAY_API_TOKEN"]


def wrong_token(place: Place) -> None:
    place.command.env["MONDAY_API_TOKEN"] = WRONG_TOKEN


def spaced_token(place: Place) -> None:
    place.command.env["MONDAY_API_TOKEN"] = f"{WRONG_TOKEN} {PASSWORD}"


def written(text: str) -> Callable[[Place], object]:
    """The whole configuration is `text`; `$destination` stands for a good one."""
    return lambda place: place.configure(text.replace("$destination", place.destination).replace("$url", place.url))


def more(text: str) -> Callable[[Place], object]:
    """A good configuration with more lines; `$board` stands for the id of a board that is there."""
    return lambda place: place.configure(more=text.replace("$board", place.boards[0]))


def lands(destination: str) -> Callable[[Place], object]:
    return lambda place: place.configure(destination=destination.replace("$folder", str(place.folder)))


def account(text: str) -> Callable[[Place], object]:
    return lambda place: place.configure(account=text)


def no_config(place: Place) -> None:
    place.command.config.unlink()


def not_utf8(place: Place) -> None:
    place.command.config.write_bytes(b"destination: \xff\xfe\x00")


def config_is_a_folder(place: Place) -> None:
    place.command.config.unlink()
    place.command.config.mkdir()


def not_a_database(place: Place) -> None:
    (place.folder / "warehouse.duckdb").write_text("This is a letter to my grandmother. " * 500)


def database_is_a_folder(place: Place) -> None:
    (place.folder / "warehouse.duckdb").mkdir()


def not_a_ledger(place: Place) -> None:
    (place.folder / ".boardlift").mkdir()
    (place.folder / ".boardlift" / "ledger.sqlite").write_text("This is a letter to my grandmother. " * 500)


def state_is_a_file(place: Place) -> None:
    (place.folder / ".boardlift").write_text("a file")


def foreign_table(place: Place) -> None:
    with duckdb.connect(str(place.folder / "warehouse.duckdb")) as file:
        file.execute("CREATE SCHEMA monday; CREATE TABLE monday.board_0001 AS SELECT 42 AS answer")


def nothing_listens(place: Place) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place.command.config.write_text(
        configuration(f"http://127.0.0.1:{port}/v2", place.destination).replace("retries: 1", "retries: 0")
    )


def dead_postgres(_place: Place) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"postgresql://etl:{PASSWORD}@127.0.0.1:{free.getsockname()[1]}/analytics"


CASES = (
    Case("no token", no_token, USAGE, ("MONDAY_API_TOKEN",)),
    Case("a wrong token", wrong_token, FAILED, ("token", "boardlift doctor", "Production was not changed.")),
    Case("a token with a blank", spaced_token, USAGE, ("token",)),
    Case("an empty token in the file", account('token: ""'), FAILED, ("token",)),
    Case("a token that refers to nothing", account("token: ${NO_SUCH_VARIABLE}"), USAGE, ("NO_SUCH_VARIABLE",)),
    Case("an unknown board id", more("boards:\n  - id: 4711"), FAILED, ("4711", "boardlift boards")),
    Case("a board that is not configured", lambda place: None, USAGE, ("'nonsense'",), ("sync", "nonsense")),
    Case("no board matches", more("boards:\n  - match: 'Nothing like this *'"), FAILED, ("boards in boardlift.yaml",)),
    Case("no boards at all", more("boards: []"), FAILED, ("boards in boardlift.yaml",)),
    Case("no configuration", no_config, USAGE, ("boardlift init",)),
    Case("a named configuration that is not there", lambda place: None, USAGE, ("nowhere.yaml",),
         ("sync", "--config", "nowhere.yaml")),
    Case("a configuration that is a folder", config_is_a_folder, USAGE, ("boardlift.yaml",)),
    Case("an empty configuration", lambda place: place.command.config.write_text(""), USAGE, ("empty",)),
    Case("a configuration that is a list", written("- a\n- b\n"), USAGE, ("boardlift.yaml",)),
    Case("a configuration not in UTF-8", not_utf8, USAGE, ("UTF-8",)),
    Case("a configuration that is no YAML",
         written(f"destination: [\naccount: {{token: {PASSWORD}: x"), USAGE, ("line",)),
    Case("a YAML error on the line of the token", written(f"account:\n  token: {PASSWORD}: x\n"), USAGE, ("line 2",)),
    Case("a YAML error on the line of the destination",
         written(f"destination: 'postgresql://etl:{PASSWORD}@db/x' y\n"), USAGE, ("line 1",)),
    Case("YAML that runs code",
         written("destination: !!python/object/apply:os.system ['touch pwned']\n"), USAGE, ("YAML",)),
    Case("YAML nested without end",
         lambda place: place.command.config.write_text("[" * 5_000), USAGE, ("boardlift.yaml",)),
    Case("a secret where a number belongs", account(f"timeout: {PASSWORD}"), USAGE, ("timeout",)),
    Case("an unknown key", more("bords: []"), USAGE, ("bords",)),
    Case("an unknown key of the account", account("tokn: x"), USAGE, ("tokn",)),
    Case("no destination", written("account: {url: $url}\n"), USAGE, ("destination",)),
    Case("a namespace with SQL in it", more("namespace: 'x; drop schema public'"), USAGE, ("namespace",)),
    Case("a table name with SQL in it",
         more("boards:\n  - {id: $board, table: 'x; drop table y'}"), USAGE, ("table name",)),
    Case("a column name with SQL in it",
         more("boards:\n  - {id: $board, columns: {status: {name: 'a\"; drop'}}}"), USAGE,
         ("column name",)),
    Case("a column name that is taken", more("boards:\n  - {id: $board, columns: {status: {name: item_id}}}"), USAGE,
         ("item_id",)),
    Case("a type with SQL in it", more("boards:\n  - {id: $board, columns: {status: {type: 'text); drop'}}}"), USAGE,
         ("type",)),
    Case("an unknown type", more("defaults:\n  types: {numbers: money}"), USAGE, ("money",)),
    Case("an unknown column", more("boards:\n  - {id: $board, columns: {nope: {name: x}}}"), USAGE, ("nope",)),
    Case("an unknown part", more("boards:\n  - {id: $board, columns: {status: {field: nope}}}"), USAGE, ("nope",)),
    Case("a board by id and by name", more("boards:\n  - {id: $board, match: x}"), USAGE, ("either",)),
    Case("a number that is none", account("timeout: .nan"), USAGE, ("timeout",)),
    Case("an endless number", account("timeout: .inf"), USAGE, ("timeout",)),
    Case("a state folder in a file", state_is_a_file, USAGE, ("state",)),
    Case("a ledger that is a letter", not_a_ledger, USAGE, ("ledger",)),
    Case("an unknown engine", lands(f"oracle://root:{PASSWORD}@db/x"), USAGE, ("duckdb",)),
    Case("no engine", lands("warehouse.duckdb"), USAGE, ("duckdb",)),
    Case("an unknown parameter of DuckDB", lands("duckdb:///x.duckdb?turbo=1"), USAGE, ("turbo",)),
    Case("a folder that is not there", lands("duckdb:///$folder/no/such/x.duckdb"), FAILED, ("does not exist",)),
    Case("a folder that cannot be written", lands("duckdb:////proc/x.duckdb"), FAILED, ("/proc/x.duckdb",)),
    Case("a file that is no database", not_a_database, FAILED, ("warehouse.duckdb",)),
    Case("a database that is a folder", database_is_a_folder, FAILED, ("folder",)),
    Case("a foreign table in the way", foreign_table, FAILED, ("board_0001", "not made by boardlift")),
    Case("nobody listens at monday's address", nothing_listens, FAILED, ("127.0.0.1",)),
    Case("an address that is none", lambda place: place.configure(
        f"account: {{url: 'not a url'}}\ndestination: '{place.destination}'"), USAGE, ("not a url",)),
    Case("an override without a reason", lambda place: None, USAGE, ("reason",), ("sync", "--override", "count")),
    Case("an override of no check", lambda place: None, USAGE, ("'nope'",),
         ("sync", "--override", "nope", "--reason", "x")),
    Case("an unknown run", lambda place: None, FAILED, ("20200101T000000-0000",), ("runs", "20200101T000000-0000")),
    Case("a rollback of nothing in particular", lambda place: None, USAGE, ("--all",), ("rollback",)),
    Case("a rollback of an unknown table", lambda place: None, USAGE, ("'nope'",), ("rollback", "nope")),
    Case("a rollback in a file that is no database", not_a_database, FAILED,
         ("warehouse.duckdb", "Production was not changed."), ("rollback", "--all")),
    Case("init over a file that is there", lambda place: None, USAGE, ("--force",), ("init", "--all")),
)  # fmt: skip
VARIANTS = ((), ("--debug",), ("--json",), ("--log-json",))


@pytest.mark.parametrize("place_of_case", range(len(CASES)), ids=[case.name.replace(" ", "_") for case in CASES])
def test_bad_input_ends_in_a_sentence_and_a_hint(place: Place, place_of_case: int) -> None:
    """Exit code as documented, error and hint on stderr, no traceback, no secret, no data on stdout, nothing made."""
    case = CASES[place_of_case]
    case.make(place)
    files = snapshot(place.folder)
    for extra in VARIANTS if WHOLE else (VARIANTS[place_of_case % len(VARIANTS)],):
        if (not extra or case.arguments[0] == "sync") or extra == ("--debug",):
            examine(case, place.command.run(*case.arguments, *extra), extra)
        else:
            examine(case, place.command.run(*case.arguments))
    assert snapshot(place.folder) == files
    assert not (place.folder / "pwned").exists()


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file that is not boardlift's own record, with what is in it. A database that holds nothing is as none."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".boardlift" not in path.parts:
            if path.suffix == ".duckdb" and is_empty_database(path):
                continue
            found[str(path)] = path.read_bytes() if path.suffix != ".duckdb" else contents(path)
    return found


def is_empty_database(path: Path) -> bool:
    try:
        with duckdb.connect(str(path)) as file:
            return file.execute(
                "SELECT count(*) FROM duckdb_tables() WHERE table_name <> 'generations'"
            ).fetchall() == [(0,)]
    except duckdb.Error:
        return False


def contents(path: Path) -> bytes:
    try:
        with duckdb.connect(str(path)) as file:
            names = file.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
                " WHERE table_name <> 'generations' ORDER BY 1"
            ).fetchall()
            return repr(
                [(name, file.execute(f"SELECT CAST(t AS VARCHAR) FROM {name} t").fetchall()) for (name,) in names]
            ).encode()
    except duckdb.Error:
        return path.read_bytes()


def examine(case: Case, ended: Ended, extra: tuple[str, ...] = ()) -> None:
    assert ended.code == case.code, ended.said
    error = ended.err[ended.err.index("error: ") :]
    sentence, _, hint = error.removeprefix("error: ").partition("\n\nhint: ")
    assert sentence.strip()
    assert "\n" not in sentence.strip()
    assert hint.strip()
    for word in case.words:
        assert word in error
    assert "Something nobody foresaw" not in ended.said
    assert PASSWORD not in ended.said
    assert WRONG_TOKEN not in ended.said
    if "--debug" not in extra:
        assert "Traceback" not in ended.said
    if "--json" in extra:
        assert json.loads(ended.out)["error"]["message"] == sentence.strip()
    else:
        assert ended.out == ""


def test_a_postgresql_that_is_not_there(place: Place) -> None:
    """A wrong host or port: the address without the password, a hint, and exit code 1."""
    place.configure(destination=dead_postgres(place))
    for extra in VARIANTS:
        examine(Case("", dead_postgres, FAILED, ("127.0.0.1", "analytics")), place.command.run("sync", *extra), extra)


def test_a_wrong_password_for_postgresql(place: Place, locked_postgres: str) -> None:
    """The server's refusal is told without the password."""
    place.configure(destination=locked_postgres)
    for extra in VARIANTS:
        examine(Case("", dead_postgres, FAILED, ("password",)), place.command.run("sync", *extra), extra)


def test_an_unknown_database_of_postgresql(place: Place, postgres_server: Server) -> None:
    """A database that is not there is told by its name."""
    place.configure(destination=postgres_server.url("no_such_database"))
    examine(Case("", dead_postgres, FAILED, ("no_such_database",)), place.command.run("sync"))


def test_a_foreign_table_of_postgresql(place: Place, postgres_url: str) -> None:
    """A table of somebody else's in the live namespace is not touched."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA monday; CREATE TABLE monday.board_0001 AS SELECT 42 AS answer")
    place.configure(destination=postgres_url)
    examine(Case("", dead_postgres, FAILED, ("board_0001", "not made by boardlift")), place.command.run("sync"))
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("TABLE monday.board_0001").fetchall() == [(42,)]


@pytest.fixture
def locked_postgres(postgres_server: Server) -> Iterator[str]:
    """A role that has to say a password, and a URL with the wrong one."""
    rules = postgres_server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all locked scram-sha-256\nhost all locked 127.0.0.1/32 scram-sha-256\n{before}")
    try:
        with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE locked LOGIN PASSWORD 'the right one'")
            connection.execute("SELECT pg_reload_conf()")
        yield postgres_server.url("postgres", user=f"locked:{PASSWORD}")
    finally:
        rules.write_text(before)
        with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("DROP ROLE locked")


def test_a_board_that_may_not_be_read(tmp_path: Path) -> None:
    """Named by id it is an error that names it; found by pattern, the others are what the token sees."""
    with Sandbox(Account.many(boards=2, items=5, columns=3)) as sandbox:
        hidden = sandbox.account.boards[1]
        sandbox.account.set_unreadable(hidden.id)
        text = configuration(
            sandbox.url, f"duckdb:///{tmp_path / 'w.duckdb'}", more=f"boards:\n  - id: {hidden.id}\n  - match: '*'"
        )
        ended = CommandLine(tmp_path, token=sandbox.token, text=text).run("sync")
    examine(Case("", dead_postgres, FAILED, (str(hidden.id), "boardlift boards")), ended)


def test_an_error_nobody_foresaw(place: Place) -> None:
    """Exit code 3, a sentence, and no traceback unless asked for."""
    broken = place.folder / "sitecustomize.py"
    broken.write_text(
        "import boardlift.cli.sync as s\ndef fails(*a, **k): raise RuntimeError('odd')\ns.read_settings = fails\n"
    )
    env = {"PYTHONPATH": f"{place.folder}{os.pathsep}{place.command.env['PYTHONPATH']}"}
    ended = place.command.run("sync", env=env)
    assert ended.code == UNKNOWN
    assert "error: Something nobody foresaw happened: RuntimeError: odd" in ended.err
    assert "Traceback" not in ended.err
    assert "Traceback" in place.command.run("sync", "--debug", env=env).err


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("sync", "--nonsense"), ("runs", "--limit", "0"), ("rollback", "--to")]
)
def test_a_misspelt_command_line_is_a_usage_error(place: Place, arguments: tuple[str, ...]) -> None:
    """Exit code 2, and help on stderr."""
    ended = place.command.run(*arguments)
    assert ended.code == USAGE
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_every_documented_exit_code_occurs(sandbox: Sandbox, place: Place) -> None:
    """0, 1, 2, 3 and 130, and no other, are documented; each is seen in a test of this folder."""
    assert set(EXIT_CODES) == {OK, FAILED, USAGE, UNKNOWN, INTERRUPTED}
    assert place.command.run("sync").code == OK
    sandbox.service.faults.add(Fault("unauthorized_401"))
    assert place.command.run("sync").code == FAILED
    sandbox.service.faults.clear()
    assert place.command.run("sync", "--test", "nonsense").code == USAGE


def test_output_that_nobody_reads_to_its_end(place: Place) -> None:
    """`boardlift boards | head -1` is no error, and says nothing about pipes."""
    process = place.command.start("boards", "--json")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() in (OK, 1, 120)
    assert b"Traceback" not in said
