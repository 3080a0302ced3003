"""A DuckDB destination for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.destinations.duckdb.engine import DuckDB


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def destination(path: Path) -> Iterator[DuckDB]:
    opened = DuckDB(f"duckdb:///{path}", "monday")
    opened.prepare()
    yield opened
    opened.close()
