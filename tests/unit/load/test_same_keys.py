"""A gate that refuses keys says what an engine takes for the same key."""

from __future__ import annotations

from pathlib import Path

import pytest

from boardlift.destinations.duckdb.engine import DuckDB
from boardlift.destinations.interface import StagedGroup
from boardlift.destinations.mssql.capabilities import CAPABILITIES
from boardlift.errors import CheckFailed
from boardlift.load.checks.interface import Expectation
from boardlift.load.stage import StagedTables
from boardlift.load.validate import measure, validate
from boardlift.shape.table import Column, Table, TableGroup
from boardlift.shape.types import TEXT
from boardlift.testing.arrow import Rows

TAGS = Table("tags", (Column("tag", TEXT),), ("tag",), label="Tags")


@pytest.mark.parametrize(
    ("values", "told"),
    [("SELECT 'a' UNION ALL SELECT 'a'", True), ("SELECT 'a' UNION ALL SELECT NULL", False)],
    ids=["repeated", "empty"],
)
@pytest.mark.parametrize("same_keys", [CAPABILITIES.same_keys, ""], ids=["SQL Server", "others"])
def test_repeated_keys_are_explained_where_an_engine_sees_them_otherwise(
    tmp_path: Path, values: str, told: bool, same_keys: str
) -> None:
    """Spaces at the end, which a person who looks at the board cannot see; nothing of it elsewhere."""
    destination = DuckDB(f"duckdb:///{tmp_path}/x.duckdb", "monday")
    destination.prepare()
    ref = destination.stage("1", 1, TAGS)
    tables = StagedTables(TableGroup("1", TAGS), StagedGroup("1", 1, ((ref, destination.append(ref, Rows(values))),)))
    with pytest.raises(CheckFailed) as caught:
        validate(
            tables,
            measure([tables], destination),
            Expectation(2, 2, 2),
            live_rows=None,
            max_shrink=0.2,
            overrides={},
            same_keys=same_keys,
        )
    assert ("spaces at the end" in caught.value.hint) is (told and bool(same_keys))
    destination.close()
