"""`boardlift doctor` with one thing broken at a time: it names the thing, its cause and its fix."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from boardlift.cli.errors import FAILED, OK
from boardlift.sandbox import Account, Fault, Sandbox
from support.commands import CommandLine, configuration

SECRET = "not-to-be-seen-anywhere"


@dataclass(frozen=True)
class Patient:
    sandbox: Sandbox
    command: CommandLine
    folder: Path
    destination: str

    def configure(self, **named: str) -> None:
        url = named.pop("url", self.sandbox.url)
        destination = named.pop("destination", self.destination)
        self.command.config.write_text(configuration(url, destination, **named), encoding="utf-8")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=2, items=5, columns=3)) as running:
        yield running


@pytest.fixture
def patient(sandbox: Sandbox, tmp_path: Path) -> Iterator[Patient]:
    destination = f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
    yield Patient(sandbox, command, tmp_path, destination)
    sandbox.service.faults.clear()


def no_token(patient: Patient) -> None:
    del patient.command.env["MONDAY_API_TOKEN"]


def wrong_token(patient: Patient) -> None:
    patient.command.env["MONDAY_API_TOKEN"] = SECRET


def nobody_there(patient: Patient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    patient.configure(url=f"http://127.0.0.1:{port}/v2")


def other_version(patient: Patient) -> None:
    patient.sandbox.service.faults.add(Fault("wrong_version", times=None))


def no_board(patient: Patient) -> None:
    patient.configure(more="boards:\n  - id: 4711")


def letter_for_a_database(patient: Patient) -> None:
    (patient.folder / "warehouse.duckdb").write_text("a letter to my grandmother " * 500)


def no_folder(patient: Patient) -> None:
    patient.configure(destination=f"duckdb:///{patient.folder}/no/such/x.duckdb")


def no_server(patient: Patient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    patient.configure(destination=f"postgresql://etl:{SECRET}@127.0.0.1:{port}/x")


def letter_for_a_ledger(patient: Patient) -> None:
    (patient.folder / ".boardlift").mkdir()
    (patient.folder / ".boardlift" / "ledger.sqlite").write_text("a letter to my grandmother " * 500)


def misspelt(patient: Patient) -> None:
    patient.configure(more="bords: []")


def daily_limit(patient: Patient) -> None:
    patient.sandbox.service.faults.add(Fault("daily_limit", times=None))


BROKEN: tuple[tuple[Callable[[Patient], None], str, str], ...] = (
    (no_token, "token", "MONDAY_API_TOKEN"),
    (wrong_token, "monday", "token"),
    (nobody_there, "monday", "127.0.0.1"),
    (other_version, "monday", "API version"),
    (no_board, "boards", "4711"),
    (letter_for_a_database, "destination", "warehouse.duckdb"),
    (no_folder, "destination", "does not exist"),
    (no_server, "destination", "127.0.0.1"),
    (letter_for_a_ledger, "ledger", "is not a boardlift ledger"),
    (misspelt, "configuration", "bords"),
    (daily_limit, "monday", "calls of today"),
)


def test_a_healthy_installation(patient: Patient) -> None:
    """Everything is ok, exit code 0, and nothing was made in the destination."""
    ended = patient.command.run("doctor", "--json")
    assert ended.code == OK, ended.said
    assert ended.document["healthy"]
    subjects = {finding["subject"] for finding in ended.document["findings"]}
    assert {"versions", "configuration", "disk", "ledger", "destination", "token", "boards"} <= subjects


@pytest.mark.parametrize(("spoil", "subject", "word"), BROKEN, ids=[case[0].__name__ for case in BROKEN])
def test_a_broken_thing_is_named_with_cause_and_fix(
    patient: Patient, spoil: Callable[[Patient], None], subject: str, word: str
) -> None:
    """Exit code 1; the finding says what is wrong and what to do; what works is still shown as working."""
    spoil(patient)
    ended = patient.command.run("doctor", "--json")
    assert ended.code == FAILED, ended.said
    failing = [finding for finding in ended.document["findings"] if finding["verdict"] == "FAILS"]
    found = [finding for finding in failing if finding["subject"] == subject]
    assert found, failing
    assert word in found[0]["fact"]
    assert all(finding["fix"] for finding in failing)
    assert "Traceback" not in ended.said
    assert SECRET not in ended.said
    shown = patient.command.run("doctor")
    assert shown.code == FAILED
    assert SECRET not in shown.said
