"""What people changed in a table that boardlift made: told apart from what boardlift made, named, never lost."""

from __future__ import annotations

from dataclasses import replace

import pymysql
import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.mysql.errors import explain, hint_of, read_url
from boardlift.errors import DependentObject, DestinationError
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, JSON, TEXT, TIMESTAMP
from boardlift.testing.arrow import Rows
from boardlift.testing.samples import put
from support.generations import PLANNING, live_name, staged
from support.mariadb import Admin, admin, destination

__all__ = ["admin", "destination"]  # fixtures

WIDE = Table("planning", tuple(Column(f"c{n:0>60}", TEXT) for n in range(500)))


def promoted(destination: MySQL, generation: int, way: Replace = Replace.SWAP) -> None:
    destination.promote("run", [replace(staged(destination, generation), replace=way)])


def indexed(destination: MySQL, generation: int, *indexes: Index, size: str = "range") -> StagedGroup:
    """A generation whose table has these indexes from the configuration, to be filled in place."""
    table = replace(PLANNING, columns=(*PLANNING.columns, Column("size", BIGINT)), indexes=indexes)
    rows = f"SELECT range, 'g{generation}', 'g{generation}', {size} FROM range(3)"
    return replace(put(destination, "1", generation, [(table, rows)]), replace=Replace.IN_PLACE)


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_column_of_peoples_own_is_known_on_a_table_that_was_only_swapped(
    destination: MySQL, admin: Admin, way: Replace
) -> None:
    """Neither way takes its values away without a word, and a rollback does not either."""
    promoted(destination, 1)
    promoted(destination, 2)
    admin.run("ALTER TABLE monday.planning ADD COLUMN mine int NOT NULL DEFAULT 7")
    (planned,) = destination.replacements("1", [PLANNING], way)
    assert [obstacle for obstacle in planned.obstacles if "column mine of planning" in obstacle]
    for act in (lambda: promoted(destination, 3, way), lambda: destination.rollback("back", [("1", 1)])):
        with pytest.raises(DependentObject, match="column mine of planning"):
            act()
    assert live_name(destination) == "g2"
    admin.run("ALTER TABLE monday.planning DROP COLUMN mine")
    promoted(destination, 3, way)
    destination.rollback("back", [("1", 1)])
    assert live_name(destination) == "g1"


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_changed_type_is_named_with_the_statement_that_changes_it_back(
    destination: MySQL, admin: Admin, way: Replace
) -> None:
    """Values made again in it could be cut or rounded."""
    promoted(destination, 1)
    admin.run("ALTER TABLE monday.planning MODIFY name varchar(200)")
    with pytest.raises(
        DependentObject, match=r"type varchar\(200\) of column name of planning, which was longtext"
    ) as at:
        promoted(destination, 2, way)
    assert live_name(destination) == "g1"
    admin.run(at.value.message.partition("or ALTER")[2].join(("ALTER", "")).partition(")")[0].replace("`", '"'))
    promoted(destination, 2, way)
    assert live_name(destination) == "g2"


def test_a_not_null_of_peoples_stops_a_swap_and_stays_in_place(destination: MySQL, admin: Admin) -> None:
    """In place an empty cell is an error then, and nothing changes."""
    promoted(destination, 1)
    admin.run("ALTER TABLE monday.planning MODIFY status longtext NOT NULL")
    with pytest.raises(DependentObject, match="NOT NULL of column status of planning"):
        promoted(destination, 2)
    promoted(destination, 2, Replace.IN_PLACE)
    (shown,) = [line for line in admin.run("SHOW CREATE TABLE monday.planning")[0][1].split("\n") if '"status"' in line]
    assert "NOT NULL" in shown
    empty = put(destination, "1", 3, [(PLANNING, "SELECT 1, 'g3', NULL")])
    with pytest.raises(DestinationError, match="status") as caught:
        destination.promote("run", [replace(empty, replace=Replace.IN_PLACE)])
    assert "column needs one" in caught.value.hint
    assert live_name(destination) == "g2"


def test_indexes_of_the_configuration_come_and_go_in_place(destination: MySQL, admin: Admin) -> None:
    """Also a unique one that the rows before would have broken; people's own stay."""

    def names() -> list[str]:
        found = admin.run("SHOW INDEX FROM monday.planning")
        return sorted({str(row[2]) for row in found} - {"PRIMARY"})

    destination.promote("run", [indexed(destination, 1)])
    destination.promote("run", [indexed(destination, 2, size="7")])
    admin.run("CREATE INDEX mine ON monday.planning (status(5))")
    destination.promote("run", [indexed(destination, 3, Index(("status",)), Index(("size",), unique=True))])
    assert names() == ["by_status", "mine", "only_size"]
    destination.promote("run", [indexed(destination, 4, Index(("status", "item_id")))])
    assert names() == ["by_status_item_id", "mine"]
    destination.promote("run", [indexed(destination, 5)])
    assert names() == ["mine"]
    destination.rollback("back", [("1", 4)])
    assert names() == ["by_status_item_id", "mine"]


def test_an_index_that_a_foreign_key_needs_stays(destination: MySQL, admin: Admin) -> None:
    """It is in nobody's way; the refill goes through."""
    destination.promote("run", [indexed(destination, 1, Index(("size",), unique=True))])
    destination.promote("run", [indexed(destination, 2, Index(("size",), unique=True))])
    admin.run("CREATE DATABASE other")
    admin.run("CREATE TABLE other.near (k bigint, CONSTRAINT up FOREIGN KEY (k) REFERENCES monday.planning (size))")
    admin.run("INSERT INTO other.near VALUES (1)")
    destination.promote("run", [indexed(destination, 3)])
    assert live_name(destination) == "g3"
    assert "only_size" in {row[2] for row in admin.run("SHOW INDEX FROM monday.planning")}
    destination.prepare()


def test_what_was_made_is_forgotten_with_its_table(destination: MySQL, admin: Admin) -> None:
    """One note for each table that is stored, also for the widest."""
    wide = put(destination, "2", 1, [(replace(WIDE, name="wide"), "SELECT " + ", ".join(["NULL"] * 500))])
    destination.promote("run", [wide])
    for generation in range(1, 5):
        promoted(destination, generation)
    destination.retain("1", 2)
    found = admin.run("SELECT subject FROM monday__boardlift.notes WHERE subject LIKE 'made %' ORDER BY 1")
    assert found == [("made planning__g3",), ("made planning__g4",), ("made wide__g1",)]


def test_a_generation_of_an_older_release_can_still_be_replaced(destination: MySQL, admin: Admin) -> None:
    """It left no note, so nothing is known of it but what is there."""
    promoted(destination, 1)
    admin.run("DELETE FROM monday__boardlift.notes WHERE subject LIKE 'made %'")
    promoted(destination, 2)
    destination.rollback("back", [("1", 1)])
    assert live_name(destination) == "g1"


@pytest.mark.parametrize("local", [True, False], ids=["load", "insert"])
@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (Column("due", TIMESTAMP), "'infinity'::TIMESTAMPTZ", "infinity"),
        (Column("due", TIMESTAMP), "'-infinity'::TIMESTAMPTZ", "infinity"),
        (Column("doc", JSON), f"'{'[' * 200}{']' * 200}'", "levels"),
    ],
    ids=["infinity", "-infinity", "deep"],
)
def test_what_the_server_cannot_hold_is_an_error_with_a_way_out(
    destination: MySQL, column: Column, value: str, words: str, local: bool
) -> None:
    """It names the column, never becomes NULL, and no row of that load stays."""
    destination._local = local
    table = Table("t", (Column("n", BIGINT), column))
    ref = destination.stage("1", 1, table)
    with pytest.raises(DestinationError) as caught:
        destination.append(ref, Rows(f"SELECT range, {value} FROM range(3)"))
    assert column.name in caught.value.message
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.hint
    assert destination.measure(ref).rows == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [(1064, "correct the query"), (1364, "give it a default"), (3157, "100 levels"), (4040, "32 levels")],
)
def test_errors_of_the_server_come_with_a_way_out(code: int, words: str) -> None:
    """Also those of a load, of which the first that has one counts."""
    address = read_url("mysql://etl@warehouse/")
    assert words in explain(address, "x", pymysql.err.OperationalError(code, "told")).hint
    assert hint_of([4038, code]) == explain(address, "x", pymysql.err.OperationalError(code, "told")).hint
    assert "does not fit" in hint_of([4038])
