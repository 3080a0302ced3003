"""The reference pages say what the code says, and leave nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import boardlift.sandbox as sandbox_package
from boardlift import errors
from boardlift.destinations.registry import ENGINES
from boardlift.errors import BoardliftError
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.settings import BoardSettings
from refpages.__main__ import FOLDER, PAGES, rendered, stale
from refpages.tables import LIVE_CHECKS, capabilities
from support.apps import make_app


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return rendered()


def test_no_generated_page_is_stale(made: dict[str, str]) -> None:
    """`scripts/docs` writes them afresh."""
    assert stale(made) == []


def test_every_generated_page_is_there() -> None:
    """Also the one that is only made where the recordings are."""
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_error_is_in_the_tree(made: dict[str, str]) -> None:
    """Each class of the floor's error tree has its line."""
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, BoardliftError)]
    assert len(kinds) >= 17
    assert [kind.__name__ for kind in kinds if f"`{kind.__name__}` |" not in made["errors.md"]] == []


def test_every_column_type_of_the_api_has_a_section(made: dict[str, str]) -> None:
    """The API's own list, as the sandbox's schema has it."""
    (folder,) = sandbox_package.__path__
    schema = (Path(folder) / "schema.graphql").read_text(encoding="utf-8")
    found = re.search(r"^enum ColumnType \{(.*?)^\}", schema, re.M | re.S)
    assert found
    types = re.findall(r"^  (\w+)$", found[1], re.M)
    assert len(types) == 43
    assert [name for name in types if f"\n## {name}\n" not in made["column-types.md"]] == []


def test_every_engine_is_described(made: dict[str, str]) -> None:
    """Each scheme has its line, and each engine its promises in whole sentences."""
    page = made["destinations.md"]
    assert [scheme for scheme in ENGINES if f"`{scheme}://`" not in page] == []
    for each in capabilities().values():
        for sentence in (each.swap, each.crash, each.in_place or "Not offered."):
            assert sentence.endswith("."), f"{each.engine}: {sentence!r}"
        assert each.keeps, each.engine


def test_the_checks_of_live_tables_are_those_that_run(tmp_path: Path) -> None:
    """Their names are written on the page by hand."""
    boards = [BoardSettings(id=18400000101)]
    with Sandbox(Account(size=0.02), SandboxOptions()) as sandbox:
        url = f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
        with make_app(sandbox, url, tmp_path, boards=boards) as app:
            before = {result.check for result in app.check()}
            app.sync()
            after = {result.check for result in app.check()}
    assert before | after == set(LIVE_CHECKS)
