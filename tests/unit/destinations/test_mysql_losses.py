"""What a swap or refill in MariaDB would lose of people's work, and so names, or carries over exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boardlift.destinations.interface import Replace
from boardlift.destinations.mysql.engine import MySQL
from boardlift.errors import DependentObject
from support.generations import PLANNING, live_name, staged
from support.mariadb import Admin, admin, as_user, destination

__all__ = ["admin", "destination"]  # fixtures

NARROW = replace(PLANNING, columns=PLANNING.columns[:2])


def promoted(destination: MySQL, generation: int, way: Replace) -> None:
    destination.promote("run", [replace(staged(destination, generation), replace=way)])


def test_a_table_of_another_engine_is_not_filled_in_place(destination: MySQL, admin: Admin) -> None:
    """Its DELETE could not be undone."""
    promoted(destination, 1, Replace.IN_PLACE)
    admin.run("ALTER TABLE monday.planning ENGINE = MyISAM")
    with pytest.raises(DependentObject, match="ENGINE MyISAM"):
        promoted(destination, 2, Replace.IN_PLACE)
    assert live_name(destination) == "g1"
    admin.run("ALTER TABLE monday.planning ENGINE = InnoDB")
    promoted(destination, 2, Replace.IN_PLACE)


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_column_of_peoples_own_stops_what_would_empty_it(destination: MySQL, admin: Admin, way: Replace) -> None:
    """After a refill it is known; a refill would empty it, and a swap drop it."""
    promoted(destination, 1, Replace.IN_PLACE)
    admin.run("ALTER TABLE monday.planning ADD COLUMN mine int NOT NULL")
    (planned,) = destination.replacements("1", [PLANNING], way)
    assert [obstacle for obstacle in planned.obstacles if "column mine of planning" in obstacle]
    (gone,) = destination.replacements("1", [], way)
    assert [obstacle for obstacle in gone.obstacles if "column mine of planning" in obstacle]
    with pytest.raises(DependentObject, match="column mine of planning"):
        promoted(destination, 2, way)
    assert live_name(destination) == "g1"
    admin.run("ALTER TABLE monday.planning DROP COLUMN mine")
    promoted(destination, 2, way)


def test_definitions_with_odd_characters_are_the_same_after_a_swap(destination: MySQL, admin: Admin) -> None:
    """Backslashes, quotes and line ends in CHECKs, in comments of indexes, and options with quoted values."""
    promoted(destination, 1, Replace.SWAP)
    admin.run("CREATE INDEX odd ON monday.planning (name(9)) COMMENT 'a\\b ''c'' \"d\" \n e'".replace("\n", chr(10)))
    if destination._session().mariadb:
        admin.run("ALTER TABLE monday.planning ADD CONSTRAINT odd CHECK (name <> 'a\\b''c\n')".replace("\n", chr(10)))
        admin.run("ALTER TABLE monday.planning COMMENT 'a=b it''s \\', PAGE_COMPRESSED = 1")
    before = [line for line in admin.run("SHOW CREATE TABLE monday.planning")[0][1].split("\n") if "odd" in line]
    options = admin.run("SELECT create_options FROM information_schema.tables WHERE table_name = 'planning'")
    for generation in (2, 3):
        promoted(destination, generation, Replace.SWAP)
        shown = admin.run("SHOW CREATE TABLE monday.planning")[0][1].split("\n")
        assert [line for line in shown if "odd" in line] == before
    assert admin.run("SELECT create_options FROM information_schema.tables WHERE table_name = 'planning'") == options


def test_a_table_with_versions_is_still_ours(destination: MySQL, admin: Admin) -> None:
    """A swap says what is in the way, and in place it goes on."""
    if not destination._session().mariadb:
        pytest.skip("MariaDB alone has them")
    promoted(destination, 1, Replace.IN_PLACE)
    admin.run("ALTER TABLE monday.planning ADD SYSTEM VERSIONING")
    assert destination.foreign_tables(["planning"]) == []
    (planned,) = destination.replacements("1", [PLANNING], Replace.SWAP)
    assert "WITH SYSTEM VERSIONING" in planned.obstacles[0]
    promoted(destination, 2, Replace.IN_PLACE)
    assert live_name(destination) == "g2"


def test_a_view_that_cannot_be_checked_is_in_the_way(destination: MySQL, admin: Admin, mariadb_url: str) -> None:
    """Its query is kept from this user, or asks a table that this user may not read."""
    promoted(destination, 1, Replace.SWAP)
    for statement in (
        "CREATE DATABASE other",
        "CREATE TABLE other.secret (item_id bigint)",
        "CREATE VIEW other.unread AS SELECT status FROM monday.planning",
        "CREATE VIEW other.joined AS SELECT p.name FROM monday.planning AS p JOIN other.secret USING (item_id)",
        "CREATE USER 'monday_etl'@'localhost' IDENTIFIED BY 'geheim'",
        "GRANT ALL ON `monday`.* TO 'monday_etl'@'localhost'",
        "GRANT ALL ON `monday\\_\\_boardlift`.* TO 'monday_etl'@'localhost'",
        "GRANT INSERT ON other.unread TO 'monday_etl'@'localhost'",
        "GRANT SELECT, SHOW VIEW ON other.joined TO 'monday_etl'@'localhost'",
    ):
        admin.run(statement)
    humble = MySQL(as_user(mariadb_url, "monday_etl:geheim"), "monday")
    (planned,) = humble.replacements("1", [NARROW], Replace.SWAP)
    assert [one.split(" (")[0] for one in planned.obstacles] == [
        "view other.joined, which cannot be checked",
        "view other.unread, which cannot be checked, for this user may not read its query",
    ]
    assert humble.replacements("1", [PLANNING], Replace.SWAP)[0].obstacles == ()
    admin.run("GRANT SELECT ON other.secret TO 'monday_etl'@'localhost'")
    admin.run("GRANT SELECT, SHOW VIEW ON other.unread TO 'monday_etl'@'localhost'")
    (planned,) = humble.replacements("1", [NARROW], Replace.SWAP)
    assert planned.obstacles == ("view other.unread, which asks for status of planning (drop or change the view)",)
    humble.close()


@pytest.mark.parametrize("what", ["DEFAULT 'x'", "COLLATE utf8mb4_general_ci", "INVISIBLE"])
def test_a_changed_definition_stops_a_swap_and_not_a_refill(destination: MySQL, admin: Admin, what: str) -> None:
    """It is named, and in place it stays."""
    if what.startswith("DEFAULT") and not destination._session().mariadb:
        pytest.skip("MySQL has no DEFAULT for long texts")
    promoted(destination, 1, Replace.SWAP)
    admin.run(f"ALTER TABLE monday.planning MODIFY name longtext {what}")
    with pytest.raises(DependentObject, match=f"{what} of column name of planning"):
        promoted(destination, 2, Replace.SWAP)
    before = admin.run("SHOW CREATE TABLE monday.planning")
    for generation in (2, 3):
        promoted(destination, generation, Replace.IN_PLACE)
    assert admin.run("SHOW CREATE TABLE monday.planning") == before
