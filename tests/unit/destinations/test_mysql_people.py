"""What people put on a live table of MariaDB or MySQL, and what becomes of it in swaps and refills."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.mysql.engine import MySQL
from boardlift.errors import DependentObject, DestinationError
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, JSON, TEXT
from boardlift.testing.samples import put
from support.generations import PLANNING, live_name, promoted
from support.mariadb import Admin, admin, as_user, destination

__all__ = ["admin", "destination"]  # fixtures

WIDE = replace(PLANNING, columns=(*PLANNING.columns, Column("extra", TEXT, label="Extra"), Column("doc", JSON)))
WIDER = replace(PLANNING, columns=(PLANNING.columns[0], Column("size", BIGINT), *PLANNING.columns[1:]))
SHAPES = (PLANNING, WIDE, WIDER)
PEOPLE = [
    *(f"CREATE USER 'monday_{name}'@'localhost'" for name in ("ann", "bob", "cyd")),
    "GRANT SELECT ON monday.planning TO 'monday_ann'@'localhost' WITH GRANT OPTION",
    "GRANT SELECT (item_id, status), UPDATE (name) ON monday.planning TO 'monday_bob'@'localhost'",
    "GRANT SELECT ON monday.* TO 'monday_cyd'@'localhost'",
    "CREATE DATABASE other",
    "CREATE VIEW other.v1 AS SELECT item_id, name FROM monday.planning AS p WHERE p.status LIKE 'g%'",
    "CREATE VIEW other.v2 AS SELECT v1.name, q.status FROM other.v1 JOIN monday.planning AS q USING (item_id)",
    "CREATE VIEW monday.v3 AS SELECT count(*) AS n FROM other.v2",
    "CREATE INDEX by_name ON monday.planning (name(20))",
    "CREATE INDEX backwards ON monday.planning (item_id DESC, status(5)) COMMENT 'of ''Ann'''",
    "CREATE UNIQUE INDEX only_name ON monday.planning (item_id, name(30))",
    "CREATE FULLTEXT INDEX words ON monday.planning (name)",
    'CREATE INDEX "odd ""name" ON monday.planning (status(3), item_id)',
    "ALTER TABLE monday.planning MODIFY status longtext COLLATE {collation} NULL COMMENT 'as ''Bob'' \\ says'",
    "ALTER TABLE monday.planning STATS_PERSISTENT = 1 COMMENT = 'the plan'",
]


def staged(destination: MySQL, generation: int, *, table: Table = PLANNING, rows: int = 3) -> StagedGroup:
    """A generation whose every text says `g<generation>`, and every JSON, too."""
    values = {BIGINT: "range", TEXT: f"'g{generation}'", JSON: f"'\"g{generation}\"'"}
    cells = ", ".join(values[column.type] for column in table.columns)
    return put(destination, "1", generation, [(table, f"SELECT {cells} FROM range({rows})")])


def looks(admin: Admin) -> dict[str, Any]:
    """Everything that people put on the table, in the server's words."""
    shown = admin.run("SHOW CREATE TABLE monday.planning")[0][1].split("\n")
    members = ("KEY", "UNIQUE", "FULLTEXT", "CONSTRAINT")
    views = {name: admin.run(f"SELECT * FROM {name}") for name in ("other.v2", "monday.v3")}
    return {
        "members": sorted(line.strip().rstrip(",") for line in shown if line.strip().startswith(members)),
        "options": shown[-1],
        "status": [line for line in shown if line.startswith('  "status"')],
        "grants": admin.run(
            "SELECT grantee, privilege_type, is_grantable, '' FROM information_schema.table_privileges"
            " WHERE table_schema = 'monday' UNION ALL SELECT grantee, privilege_type, is_grantable, column_name"
            " FROM information_schema.column_privileges WHERE table_schema = 'monday' ORDER BY 1, 2, 4"
        ),
        "views": sorted(views),
        "rows": len(views["other.v2"]),
        "triggers": admin.run(
            "SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers"
            " WHERE trigger_schema = 'monday' ORDER BY 1"
        ),
        "foreign keys": admin.run(
            "SELECT constraint_name, table_name, referenced_table_schema, referenced_table_name"
            " FROM information_schema.key_column_usage WHERE table_schema = 'other' AND referenced_table_name <> ''"
            " ORDER BY 1"
        ),
    }


def furnish(destination: MySQL, admin: Admin) -> bool:
    """Put everything on the live table. Returns whether the server is MariaDB."""
    mariadb = destination._session().mariadb
    for statement in PEOPLE:
        admin.run(statement.replace("{collation}", destination._session().collation.text))
    if mariadb:
        admin.run("ALTER TABLE monday.planning ADD CONSTRAINT named CHECK (name <> 'x')")
    return mariadb


def test_twenty_swaps_with_changes_of_shape_keep_everything(destination: MySQL, admin: Admin) -> None:
    """Grants of three users, a chain of three views, five indexes, a CHECK, comments and an option: identical."""
    promoted(destination, 1)
    furnish(destination, admin)
    before = looks(admin)
    (planned,) = destination.replacements("1", [WIDE], Replace.SWAP)
    assert planned.obstacles == ()
    for what in ("index by_name", "view other.v1", "view other.v2", "option STATS_PERSISTENT=1", "'monday_bob'"):
        assert any(what in carried for carried in planned.carried), what
    for generation in range(2, 22):
        shape = SHAPES[generation % 3]
        destination.promote("run", [staged(destination, generation, table=shape)])
        destination.retain("1", 3)
    assert looks(admin) == before
    destination.rollback("back", [("1", 19)])
    destination.rollback("forward", [("1", 21)])
    assert looks(admin) == before
    assert live_name(destination) == "g21"


def test_twenty_refills_with_changes_of_shape_keep_everything(destination: MySQL, admin: Admin) -> None:
    """In place also triggers, foreign keys pointing in, and a generated column of somebody's own."""
    destination.promote("run", [replace(staged(destination, 1), replace=Replace.IN_PLACE)])
    furnish(destination, admin)
    admin.run("DROP INDEX words ON monday.planning")
    # A CASCADE and a RESTRICT, neither of which may notice.
    for name, action in (("soft", "CASCADE"), ("hard", "RESTRICT")):
        admin.run(
            f"CREATE TABLE other.{name} (i bigint, CONSTRAINT {name}_key FOREIGN KEY (i)"
            f" REFERENCES monday.planning (item_id) ON DELETE {action})"
        )
        admin.run(f"INSERT INTO other.{name} VALUES (0), (2)")
    admin.run("CREATE TABLE other.seen (name longtext)")
    admin.run(
        "CREATE TRIGGER monday.ring AFTER INSERT ON monday.planning FOR EACH ROW"
        " INSERT INTO other.seen VALUES (NEW.name)"
    )
    admin.run("ALTER TABLE monday.planning ADD COLUMN theirs bigint AS (item_id * 0 + 7) STORED")
    before = looks(admin)
    (planned,) = destination.replacements("1", [WIDE], Replace.IN_PLACE)
    assert planned.obstacles == ()
    for what in ("trigger ring", "foreign key soft_key of other.soft"):
        assert any(what in carried for carried in planned.carried), what
    for generation in range(2, 22):
        shape = SHAPES[generation % 3]
        group = staged(destination, generation, table=shape)
        destination.promote("run", [replace(group, replace=Replace.IN_PLACE)])
        destination.retain("1", 3)
        names, rows = destination.query("SELECT * FROM monday.planning")
        assert names == [*(column.name for column in shape.columns), "theirs"]
        assert {row[-1] for row in rows} == {7}
    assert looks(admin) == before
    assert admin.run("SELECT * FROM other.soft") == [(0,), (2,)]
    assert len(admin.run("SELECT * FROM other.seen")) == 60
    destination.rollback("back", [("1", 19)])
    assert (live_name(destination), looks(admin)) == ("g19", before)


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (
            ["CREATE TRIGGER monday.ring BEFORE INSERT ON monday.planning FOR EACH ROW SET NEW.name = 'x'"],
            "trigger ring",
        ),
        (
            [
                "CREATE TABLE other.mine (i bigint, CONSTRAINT mine_key FOREIGN KEY (i)"
                " REFERENCES monday.planning (item_id))"
            ],
            "foreign key mine_key of other.mine",
        ),
        (
            [
                "CREATE TABLE other.far (i bigint PRIMARY KEY)",
                "INSERT INTO other.far VALUES (0), (1), (2)",
                "ALTER TABLE monday.planning ADD CONSTRAINT far_key FOREIGN KEY (item_id) REFERENCES other.far (i)",
            ],
            "foreign key far_key",
        ),
        (["ALTER TABLE monday.planning ADD COLUMN twice bigint AS (item_id * 2)"], "generated column twice"),
        (["ALTER TABLE monday.planning PARTITION BY KEY (item_id) PARTITIONS 3"], "PARTITION BY"),
    ],
)
def test_what_is_tied_to_the_table_stops_a_swap_and_not_a_refill(
    destination: MySQL, admin: Admin, statements: list[str], words: str
) -> None:
    """It is named beforehand with its way out; nothing has changed; and the way out works."""
    promoted(destination, 1)
    for statement in ["CREATE DATABASE other", *statements]:
        admin.run(statement)
    (planned,) = destination.replacements("1", [PLANNING], Replace.SWAP)
    assert [o for o in planned.obstacles if words in o and "in_place" in o]
    before = admin.run("SHOW CREATE TABLE monday.planning"), destination.generations()
    with pytest.raises(DependentObject, match=words) as caught:
        promoted(destination, 2)
    assert "Production was not changed." in caught.value.message
    assert (admin.run("SHOW CREATE TABLE monday.planning"), destination.generations()) == before
    (planned,) = destination.replacements("1", [PLANNING], Replace.IN_PLACE)
    assert planned.obstacles == ()
    destination.promote("run", [replace(staged(destination, 2), replace=Replace.IN_PLACE)])
    assert admin.run("SHOW CREATE TABLE monday.planning") == before[0]
    assert destination.query("SELECT count(*) FROM monday.planning")[1] == [(3,)]


@pytest.mark.parametrize(
    ("statement", "after", "words"),
    [
        ("CREATE INDEX mine ON monday.planning (name(9))", ("name", BIGINT), "index mine"),
        ("CREATE TABLE monday.planning__x (i int) ENGINE = InnoDB", None, ""),
        ("ALTER TABLE monday.planning ENGINE = Aria", None, "ENGINE Aria"),
        ("ALTER TABLE monday.planning MODIFY name longtext CHECK (name <> 'y')", None, "constraint on column name"),
        ("ALTER TABLE monday.planning ADD CONSTRAINT mine CHECK (status <> 'y')", ("status", None), "constraint mine"),
    ],
)
def test_what_cannot_come_along_stops_a_swap(
    destination: MySQL, admin: Admin, statement: str, after: tuple[str, Any] | None, words: str
) -> None:
    """Each with the way out that it has."""
    if not destination._session().mariadb:
        pytest.skip("in the words of MariaDB")
    promoted(destination, 1)
    admin.run(statement)
    table = PLANNING
    if after is not None:
        name, type_ = after
        kept = [c for c in PLANNING.columns if c.name != name]
        table = replace(PLANNING, columns=(*kept, *([Column(name, type_)] if type_ else [])))
    (planned,) = destination.replacements("1", [table], Replace.SWAP)
    if not words:
        assert planned.obstacles == ()
        return
    assert [obstacle for obstacle in planned.obstacles if words in obstacle]
    rows = ", ".join("range" if c.type == BIGINT else "'z'" for c in table.columns)
    with pytest.raises(DependentObject, match=words):
        destination.promote("run", [put(destination, "1", 2, [(table, f"SELECT {rows} FROM range(3)")])])
    assert live_name(destination) == "g1"


@pytest.mark.parametrize(
    ("statement", "columns", "words"),
    [
        ("", (PLANNING.columns[0], Column("name", BIGINT)), "column name"),
        ("CREATE FULLTEXT INDEX words ON monday.planning (name)", WIDE.columns, "FULLTEXT"),
        (
            "CREATE TRIGGER monday.ring BEFORE INSERT ON monday.planning FOR EACH ROW SET NEW.status = 'x'",
            PLANNING.columns[:2],
            "trigger ring",
        ),
        (
            "ALTER TABLE monday.planning ADD COLUMN long_status int AS (length(status))",
            PLANNING.columns[:2],
            "generated column long_status",
        ),
        ("CREATE VIEW monday.mine AS SELECT status FROM monday.planning", PLANNING.columns[:2], "view monday.mine"),
    ],
)
def test_what_a_refill_cannot_keep_stops_it(
    destination: MySQL, admin: Admin, statement: str, columns: tuple[Column, ...], words: str
) -> None:
    """Changed types, and what asks for columns that go; the live table is as it was, columns included."""
    destination.promote("run", [replace(staged(destination, 1), replace=Replace.IN_PLACE)])
    if statement:
        admin.run(statement)
    table = replace(PLANNING, columns=columns)
    (planned,) = destination.replacements("1", [table], Replace.IN_PLACE)
    assert [obstacle for obstacle in planned.obstacles if words in obstacle]
    before = admin.run("SHOW CREATE TABLE monday.planning")
    rows = ", ".join("range" if c.type == BIGINT else "'1'" for c in columns)
    group = put(destination, "1", 2, [(table, f"SELECT {rows} FROM range(3)")], Replace.IN_PLACE)
    with pytest.raises(DependentObject, match=words):
        destination.promote("run", [group])
    assert admin.run("SHOW CREATE TABLE monday.planning") == before
    assert live_name(destination) == "g1"


def test_a_refill_never_orphans_a_row(destination: MySQL, admin: Admin) -> None:
    """A row that points at an item that is gone stops the refill, which is undone with all that came with it."""
    destination.promote("run", [replace(staged(destination, 1), replace=Replace.IN_PLACE)])
    admin.run("CREATE DATABASE other")
    admin.run(
        "CREATE TABLE other.mine (i bigint, CONSTRAINT mine_key FOREIGN KEY (i) REFERENCES monday.planning (item_id)"
        " ON DELETE CASCADE)"
    )
    admin.run("INSERT INTO other.mine VALUES (2)")
    group = staged(destination, 2, rows=2, table=WIDE)
    with pytest.raises(
        DependentObject, match=r"Rows of other\.mine \(1 in all\) would point by foreign key mine_key"
    ) as caught:
        destination.promote("run", [replace(group, replace=Replace.IN_PLACE)])
    assert "Production was not changed." in caught.value.message
    assert (live_name(destination), admin.run("SELECT * FROM other.mine")) == ("g1", [(2,)])
    assert destination.query("SELECT * FROM monday.planning")[0] == [column.name for column in PLANNING.columns]
    admin.run("DELETE FROM other.mine")
    destination.promote("run", [replace(group, replace=Replace.IN_PLACE)])
    assert live_name(destination) == "g2"


def test_titles_follow_a_refill(destination: MySQL, admin: Admin) -> None:
    """A renamed column has its new title on the live table; a comment where there is no title stays."""
    for number, title in ((1, "Old \\ 'title'"), (2, 'New\n"title"')):
        named = [Column("name", TEXT, label=title), Column("doc", JSON, label=title)]
        columns = (PLANNING.columns[0], *named, PLANNING.columns[2])
        group = staged(destination, number, table=replace(PLANNING, columns=columns))
        destination.promote("run", [replace(group, replace=Replace.IN_PLACE)])
        if number == 1:
            admin.run("ALTER TABLE monday.planning MODIFY item_id bigint NOT NULL COMMENT 'the number'")
    found = admin.run(
        "SELECT column_comment FROM information_schema.columns WHERE table_schema = 'monday'"
        " AND table_name = 'planning' AND column_name IN ('item_id', 'name', 'doc') ORDER BY column_name"
    )
    assert found == [('New\n"title"',), ("the number",), ('New\n"title"',)]


def test_an_index_on_a_column_that_is_gone_is_left_out_and_told(destination: MySQL, admin: Admin) -> None:
    """The plan says so; a rollback has it again."""
    promoted(destination, 1)
    admin.run("CREATE INDEX mine ON monday.planning (status(5), item_id)")
    narrow = replace(PLANNING, columns=PLANNING.columns[:2])
    (planned,) = destination.replacements("1", [narrow], Replace.SWAP)
    assert (planned.obstacles, "mine" in planned.why) == ((), True)
    destination.promote("run", [staged(destination, 2, table=narrow)])
    assert "mine" not in admin.run("SHOW CREATE TABLE monday.planning")[0][1]
    destination.rollback("back", [("1", 1)])
    assert "mine" in admin.run("SHOW CREATE TABLE monday.planning")[0][1]


def test_a_user_with_rights_on_two_databases_is_enough(destination: MySQL, admin: Admin, mariadb_url: str) -> None:
    """No privilege on the server itself is needed, and doctor is content."""
    destination.close()
    for statement in (
        "CREATE USER 'monday_etl'@'localhost' IDENTIFIED BY 'geheim'",
        "GRANT ALL ON `monday`.* TO 'monday_etl'@'localhost'",
        "GRANT ALL ON `monday\\_\\_boardlift`.* TO 'monday_etl'@'localhost'",
        "DROP DATABASE monday",
        "DROP DATABASE monday__boardlift",
    ):
        admin.run(statement)
    humble = MySQL(as_user(mariadb_url, "monday_etl:geheim"), "monday")
    assert [finding for finding in humble.findings() if not finding.ok] == []
    humble.prepare()
    for way in Replace:
        promoted(humble, 1 if way is Replace.SWAP else 3)
        group = staged(humble, 2 if way is Replace.SWAP else 4)
        humble.promote("run", [replace(group, replace=way)])
    assert live_name(humble) == "g4"
    with pytest.raises(DestinationError) as caught:
        humble.query("SELECT * FROM mysql.user")
    assert "geheim" not in f"{caught.value} {caught.value.__cause__!r}"
    humble.close()


def test_keys_tell_similar_texts_apart(destination: MySQL) -> None:
    """Byte by byte: texts that differ by case, accent or a space at the end are all there."""
    table = Table("labels", (Column("label_id", TEXT),), key=("label_id",))
    destination.promote("run", [put(destination, "1", 1, [(table, "SELECT unnest(['a', 'A', 'á', 'a ', ' a'])")])])
    assert destination.query("SELECT count(DISTINCT label_id) FROM monday.labels")[1] == [(5,)]
