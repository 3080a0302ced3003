"""A rollback rehearsed on each engine that runs here, whichever way its tables are replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from boardlift.app import App
from boardlift.destinations.interface import State
from boardlift.destinations.registry import open_destination
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.settings import BoardSettings, DefaultSettings, ReplaceWay
from support.apps import make_app
from support.mariadb import wipe

BOARD = 18400000101


@pytest.mark.parametrize(
    ("engine", "way"),
    [
        ("duckdb", "swap"),
        ("sqlite", "swap"),
        ("sqlite", "in_place"),
        ("postgresql", "swap"),
        ("postgresql", "in_place"),
        ("mariadb", "swap"),
        ("mariadb", "in_place"),
    ],
)
def test_a_rehearsal_compares_every_table_and_leaves_no_trace(
    engine: str, way: ReplaceWay, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Both ways of replacing, back and forward, over a change of columns; what is live and kept stays as it is."""
    url = f"{engine}:///{tmp_path / 'w.db'}"
    if engine == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    elif engine == "mariadb":
        url = request.getfixturevalue("mariadb_servers")["MariaDB"]
        wipe(url, "monday")
    boards = [BoardSettings(id=BOARD, indexes=[["name", "item_id"]])]
    with Sandbox(Account(size=0.02), SandboxOptions()) as sandbox:

        def opened() -> App:
            return make_app(sandbox, url, tmp_path, boards=boards, defaults=DefaultSettings(replace=way))

        for title in ("First", "Second"):
            sandbox.account.add_column(BOARD, "text", title)
            with opened() as parts:
                parts.sync()
        told: list[tuple[str, int]] = []
        with opened() as parts:
            before = [(g, parts.destination.contents(g.group, g.number)) for g in parts.destination.generations()]
            found = parts.rehearse(
                [str(BOARD)], None, forward=False, announce=lambda *announced: told.append(announced)
            )
            assert [(g, parts.destination.contents(g.group, g.number)) for g, _ in before] == before
            assert parts.destination.generations() == [generation for generation, _ in before]
            (live,) = [g for g, _ in before if g.state is State.LIVE]
    assert found.same
    assert {table.generation for table in found.back} == {live.number - 1}
    assert {table.table for table in found.forward} == {table.name for table in live.tables}
    assert found.back_outcome.attempts >= 1
    ((namespace, taken),) = told
    assert (namespace, taken > 0) == ("monday_rehearsal", True)
    there = open_destination(url, namespace)
    assert there.generations() == []
    there.close()
