"""From a URL to an engine, and to the command that installs its driver."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from boardlift.destinations.registry import ENGINES, open_destination
from boardlift.errors import ConfigError

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_an_unknown_scheme_lists_the_known_ones() -> None:
    """A typo is answered with what can be written."""
    with pytest.raises(ConfigError, match="oracle") as caught:
        open_destination("oracle://h/db", "monday")
    assert all(f"{scheme}://" in caught.value.hint for scheme in ENGINES)


def test_every_extra_can_be_installed() -> None:
    """The hint names extras that pyproject.toml has."""
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {engine.extra for engine in ENGINES.values() if engine.extra} <= set(extras)


def test_a_missing_driver_is_answered_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with that of another engine."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for module in [name for name in sys.modules if name.startswith("boardlift.destinations.postgres.engine")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ConfigError, match=r"postgresql://.*psycopg") as caught:
        open_destination("postgresql://h/db", "monday")
    assert caught.value.hint == 'pip install "boardlift[postgres]"'
