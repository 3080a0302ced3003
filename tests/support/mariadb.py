"""A real MariaDB for tests: one server per test process from the system's package, wiped before each test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.mysql.errors import read_url

URL = "BOARDLIFT_TEST_MYSQL_URL"
"""A server to test on beside, or in place of, our own: its user must be allowed everything."""
MODE = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES"


class Server:
    """A server on a unix socket in a short temporary folder, with root for a user and no password."""

    def __init__(self) -> None:
        # Socket paths are limited to about 100 bytes, which pytest's own temporary folders exceed.
        self.folder = Path(tempfile.mkdtemp(prefix="bm", dir="/tmp"))
        self._as_whom: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:  # MariaDB refuses to run as root
            import pwd

            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as_whom = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    @property
    def url(self) -> str:
        return f"mariadb://root@localhost/?unix_socket={self.folder}/socket"

    def make(self) -> None:
        """Make its system tables."""
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db"]
        command += ["--auth-root-authentication-method=normal", "--skip-log-bin", f"--tmpdir={self.folder}"]
        with (self.folder / "setup.log").open("wb") as out:
            subprocess.run(command, check=True, stdout=out, stderr=out, cwd=self.folder, **self._as_whom)

    def start(self, *options: str) -> None:
        """Run it without regard for the disk, unless `options` say otherwise: it does not outlive the tests."""
        command = [server_program(), "--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}"]
        command += [f"--socket={self.folder}/socket", "--skip-networking", f"--pid-file={self.folder}/pid"]
        command += ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-flush-method=nosync"]
        command += ["--sync-frm=0", "--innodb-log-file-size=64M", "--innodb-buffer-pool-size=128M"]
        command += ["--plugin-load-add=metadata_lock_info", *options]
        out = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.folder, **self._as_whom)
        out.close()
        deadline = time.monotonic() + 60
        while True:
            try:
                Admin(self.url).close()
            except pymysql.err.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def server_program() -> str:
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin") or ""


def own_server(*options: str) -> Server:
    """A server that nobody uses yet, started with these options; the test is skipped where there is no MariaDB."""
    if not server_program() or not shutil.which("mariadb-install-db"):
        pytest.skip("no MariaDB is installed here (Debian: apt-get install mariadb-server)")
    server = Server()
    try:
        server.make()
        server.start(*options)
    except BaseException:
        server.stop()
        raise
    return server


def options_of(url: str) -> dict[str, Any]:
    return {**read_url(url).options, "charset": "utf8mb4", "autocommit": True}


class Admin:
    """A connection of the driver itself, as a person has one: `run(sql)` gives rows."""

    def __init__(self, url: str, **options: Any) -> None:
        self.raw = pymysql.connect(**{**options_of(url), **options})
        self.run(f"SET SESSION sql_mode = '{MODE}'")

    @property
    def id(self) -> int:
        return int(self.raw.thread_id())

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with self.raw.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def close(self) -> None:
        if self.raw.open:
            self.raw.close()


def as_user(url: str, user: str) -> str:
    """The same server for another user, with the password."""
    return re.sub(r"//[^@/]*@", f"//{user}@", url, count=1)


def wipe(url: str, prefix: str) -> None:
    """Drop every database whose name begins so, and every user."""
    admin = Admin(url)
    admin.run("SET SESSION foreign_key_checks = 0")
    for (name,) in admin.run("SHOW DATABASES"):
        if str(name).startswith(prefix):
            admin.run(f'DROP DATABASE "{name}"')
    for user, host in admin.run("SELECT user, host FROM mysql.user"):
        if str(user).startswith(f"{prefix}_"):
            admin.run(f"DROP USER '{user}'@'{host}'")
    admin.close()


@pytest.fixture(scope="session")
def mariadb_servers() -> Iterator[dict[str, str]]:
    """Servers by name -> their URLs, started when they are first asked for."""
    running: list[Server] = []

    class Urls(dict[str, str]):
        def __missing__(self, name: str) -> str:
            server = own_server()
            running.append(server)
            self[name] = server.url
            return server.url

    yield Urls({"server by URL": os.environ[URL]} if os.environ.get(URL) else {})
    for server in running:
        server.stop()


@pytest.fixture(params=["MariaDB", *(["server by URL"] if os.environ.get(URL) else [])])
def mariadb_url(request: pytest.FixtureRequest, mariadb_servers: dict[str, str]) -> Iterator[str]:
    """The URL of a server on which no database's name begins with one of these words, before and after the test."""
    url = mariadb_servers[request.param]
    for prefix in ("monday", "rehearsal", "other"):
        wipe(url, prefix)
    yield url
    for prefix in ("monday", "rehearsal", "other"):
        wipe(url, prefix)


@pytest.fixture
def destination(mariadb_url: str) -> Iterator[MySQL]:
    opened = MySQL(mariadb_url, "monday")
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def admin(mariadb_url: str) -> Iterator[Admin]:
    opened = Admin(mariadb_url)
    yield opened
    opened.close()


def leftovers(destination: MySQL) -> set[str]:
    """Tables of the hidden namespace that are neither stored nor boardlift's own."""
    rows = destination.query(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'monday__boardlift'"
    )
    known = {table.hidden_name for g in destination.generations() for table in g.tables}
    return {str(name) for (name,) in rows[1]} - known - {"generations", "notes"}
