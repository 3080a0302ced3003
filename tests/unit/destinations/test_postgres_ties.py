"""What is tied to a live PostgreSQL table in odd ways: a swap carries it, or names it before anything is touched."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import psycopg
import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.swap import SwapPolicy
from boardlift.errors import DependentObject, PromotionConflict
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows

RING = "CREATE FUNCTION public.ring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"


@pytest.fixture
def destination(postgres_url: str) -> Iterator[Postgres]:
    opened = Postgres(postgres_url, "monday", policy=SwapPolicy(patience=1))
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = error")
        yield connection


def table(
    name: str = "planning", columns: Sequence[str] = ("name", "status"), key: Sequence[str] = ("item_id",)
) -> Table:
    fields = (Column("item_id", BIGINT, nullable=False), *(Column(column, TEXT) for column in columns))
    return Table(name, fields, key=tuple(key))


def go(destination: Postgres, number: int, *tables: Table, way: Replace = Replace.SWAP) -> None:
    staged = []
    for one in tables or (table(),):
        ref = destination.stage("1", number, one)
        values = ", ".join(f"'{column.name} ' || range" for column in one.columns[1:])
        staged.append((ref, destination.append(ref, Rows(f"SELECT range + {number}, {values} FROM range(10)"))))
    destination.promote("run", [StagedGroup("1", number, tuple(staged), way)])


def run(admin: psycopg.Connection, statements: str) -> None:
    admin.execute(statements.encode())


def ask(admin: psycopg.Connection, statement: str) -> list[tuple[object, ...]]:
    return admin.execute(statement.encode()).fetchall()


def newer(admin: psycopg.Connection, version: int) -> None:
    if admin.info.server_version < version * 10_000:
        pytest.skip(f"PostgreSQL {version} or later")


def refused(destination: Postgres, *words: str, board: Table | None = None, way: Replace = Replace.SWAP) -> None:
    """Foreseen, refused before the swap, and named."""
    found = destination.replacements("1", [board or table()], way)
    said = " ".join(one for each in found for one in each.obstacles)
    assert [word for word in words if word not in said] == []
    with pytest.raises(DependentObject, match="Production was not changed") as caught:
        go(destination, 2, board or table(), way=way)
    assert [word for word in words if word not in caught.value.message] == []


LOST = (
    (
        "CREATE TYPE public.shape AS (item_id bigint, name text, status text);"
        " ALTER TABLE monday.planning OF public.shape",
        "the type public.shape that the table is of",
    ),
    ("REVOKE USAGE ON TYPE monday.planning FROM PUBLIC", "grants on the row type"),
    ("COMMENT ON TYPE monday.planning IS 'a row'", "the comment on the row type"),
    (
        "CREATE TABLE public.other (t regclass, CONSTRAINT not_it CHECK (t <> 'monday.planning'::regclass))",
        "constraint not_it on table public.other",
    ),
    ("CREATE INDEX odd ON public.other (t) WHERE t <> 'monday.planning'::regclass", "index public.odd"),
    (
        f"{RING} CREATE CONSTRAINT TRIGGER tied AFTER INSERT ON public.other"
        " FROM monday.planning FOR EACH ROW EXECUTE FUNCTION public.ring()",
        "trigger tied on table public.other",
    ),
    (
        "CREATE TRIGGER choosy AFTER INSERT ON public.other"
        " FOR EACH ROW WHEN (NEW.t = 'monday.planning'::regclass) EXECUTE FUNCTION public.ring()",
        "trigger choosy on table public.other",
    ),
    (
        "CREATE TABLE public.notes (item bigint CONSTRAINT to_item REFERENCES monday.planning);"
        " ALTER TABLE public.notes DISABLE TRIGGER ALL",
        "disabled triggers of constraint to_item on public.notes",
    ),
    (
        "CREATE TABLE public.states (status text PRIMARY KEY); ALTER TABLE monday.planning"
        " ADD CONSTRAINT a_state FOREIGN KEY (status) REFERENCES public.states NOT VALID, DISABLE TRIGGER ALL",
        "disabled triggers of constraint a_state on monday.planning",
    ),
    (
        "CREATE INDEX bound ON monday.planning (name); ALTER INDEX monday.bound DEPENDS ON EXTENSION plpgsql",
        "the tie of index monday.bound to extension plpgsql",
    ),
    (
        "CREATE TRIGGER bound AFTER UPDATE ON monday.planning FOR EACH ROW EXECUTE FUNCTION public.ring();"
        " ALTER TRIGGER bound ON monday.planning DEPENDS ON EXTENSION plpgsql",
        "the tie of trigger bound on table monday.planning to extension plpgsql",
    ),
    (
        "CREATE MATERIALIZED VIEW public.bound AS SELECT * FROM monday.planning;"
        " ALTER MATERIALIZED VIEW public.bound DEPENDS ON EXTENSION plpgsql",
        "the tie of materialized view public.bound to extension plpgsql",
    ),
    (
        "CREATE FUNCTION public.bound() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM monday.planning; END;"
        " ALTER FUNCTION public.bound() DEPENDS ON EXTENSION plpgsql",
        "function public.bound() depends on an extension",
    ),
    ("CREATE TEMP VIEW mine AS SELECT * FROM monday.planning", "temporary view pg_temp"),
    ("ALTER EXTENSION plpgsql ADD TABLE monday.planning", "the tie of table monday.planning to extension plpgsql"),
)


def test_what_would_be_lost_in_silence_is_named(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1)
    for statement, _ in LOST:
        run(admin, statement)
    refused(destination, *(words for _, words in LOST))


@pytest.mark.parametrize("more", ["NO INHERIT", "NOT VALID"])
def test_a_not_null_that_says_more_is_named(destination: Postgres, admin: psycopg.Connection, more: str) -> None:
    newer(admin, 18)
    go(destination, 1)
    run(admin, f"ALTER TABLE monday.planning ADD CONSTRAINT filled NOT NULL name {more}")
    refused(destination, "constraint filled on monday.planning says more than NOT NULL")


def test_names_and_comments_of_not_nulls_are_carried(destination: Postgres, admin: psycopg.Connection) -> None:
    newer(admin, 18)
    go(destination, 1)
    run(
        admin,
        "ALTER TABLE monday.planning ADD CONSTRAINT filled NOT NULL name;"
        " ALTER TABLE monday.planning RENAME CONSTRAINT planning_item_id_not_null TO numbered;"
        " COMMENT ON CONSTRAINT filled ON monday.planning IS 'always';"
        " COMMENT ON CONSTRAINT numbered ON monday.planning IS 'the number'",
    )
    held = (
        "SELECT conname, obj_description(oid, 'pg_constraint') FROM pg_constraint"
        " WHERE conrelid = 'monday.planning'::regclass AND contype = 'n' ORDER BY 1"
    )
    for number in (2, 3):
        go(destination, number)
        assert ask(admin, held) == [("filled", "always"), ("numbered", "the number")]
    run(admin, "COMMENT ON CONSTRAINT filled ON monday.planning IS NULL")
    destination.rollback("back", [("1", 2)])
    assert ask(admin, held) == [("filled", None), ("numbered", "the number")]


def test_access_methods_are_carried(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1)
    run(
        admin,
        "CREATE ACCESS METHOD heap_two TYPE TABLE HANDLER heap_tableam_handler;"
        " ALTER TABLE monday.planning SET ACCESS METHOD heap_two;"
        " CREATE MATERIALIZED VIEW public.copy USING heap_two AS SELECT * FROM monday.planning",
    )
    go(destination, 2)
    used = (
        "SELECT relname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname = 'heap_two'"
        " AND relkind IN ('r', 'm') AND relnamespace <> 'monday__boardlift'::regnamespace ORDER BY 1"
    )
    assert ask(admin, used) == [("copy",), ("planning",)]
    assert ask(admin, "SELECT max(item_id) FROM public.copy") == [(11,)]


def test_statistics_of_a_materialized_view_are_carried(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1)
    run(
        admin,
        "CREATE MATERIALIZED VIEW public.copy AS SELECT * FROM monday.planning;"
        " CREATE STATISTICS public.together ON name, status FROM public.copy;"
        " COMMENT ON STATISTICS public.together IS 'they go together'",
    )
    held = (
        "SELECT pg_get_statisticsobjdef(oid), obj_description(oid, 'pg_statistic_ext'), stxrelid::regclass::text"
        " FROM pg_statistic_ext"
    )
    before = ask(admin, held)
    for number in (2, 3):
        go(destination, number)
        assert ask(admin, held) == before
    assert destination.drop_staged() == []


def test_a_materialized_view_may_read_a_table_called_as_one_of_ours(
    destination: Postgres, admin: psycopg.Connection
) -> None:
    """The catalogue of generations, and kept tables, have names that a person's table may have."""
    go(destination, 1)
    run(
        admin,
        "CREATE TABLE monday.generations (item bigint, era text); INSERT INTO monday.generations VALUES (5, 'iron');"
        " CREATE TABLE monday.planning__g9 (item bigint); INSERT INTO monday.planning__g9 VALUES (5);"
        " CREATE MATERIALIZED VIEW public.eras AS SELECT p.item_id, g.era FROM monday.planning p"
        " JOIN monday.generations g ON g.item = p.item_id JOIN monday.planning__g9 h ON h.item = p.item_id",
    )
    destination.stage("2", 9, table())
    go(destination, 2, table(columns=("name", "status", "more")))
    go(destination, 3)
    assert ask(admin, "SELECT * FROM public.eras") == [(5, "iron")]
    assert [one.number for one in destination.generations("1")] == [3, 2, 1]


def test_a_type_of_the_name_of_a_new_table_is_named(destination: Postgres, admin: psycopg.Connection) -> None:
    run(admin, "CREATE TYPE monday.planning AS ENUM ('a'); CREATE DOMAIN monday._link AS text")
    assert destination.foreign_tables(["planning", "link"]) == ["planning"]
    with pytest.raises(PromotionConflict, match="planning"):
        go(destination, 1)
    run(admin, "DROP TYPE monday.planning")
    go(destination, 1, table(), table("link"))


AUDIT = (
    "CREATE TABLE public.audit (n bigint); CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN INSERT INTO audit VALUES (1); RETURN NULL; END'; CREATE {} note AFTER INSERT OR UPDATE OR DELETE ON"
    " monday.planning {} FOR EACH ROW EXECUTE FUNCTION public.note()"
)


@pytest.mark.parametrize("kind", [("TRIGGER", ""), ("CONSTRAINT TRIGGER", "INITIALLY DEFERRED")])
def test_triggers_find_their_tables_in_a_refill(
    destination: Postgres, admin: psycopg.Connection, kind: tuple[str, str]
) -> None:
    """A function that names a table without its schema works as it does for everybody else."""
    go(destination, 1, way=Replace.IN_PLACE)
    run(admin, AUDIT.format(*kind))
    go(destination, 2, way=Replace.IN_PLACE)
    assert ask(admin, "SELECT count(*) FROM public.audit") == [(20,)]


def test_a_check_finds_its_tables(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1)
    run(
        admin,
        "CREATE TABLE public.least (n bigint); INSERT INTO public.least VALUES (-1);"
        " CREATE FUNCTION public.fine(bigint) RETURNS boolean LANGUAGE plpgsql AS"
        " 'BEGIN RETURN $1 > (SELECT n FROM least); END';"
        " ALTER TABLE monday.planning ADD CONSTRAINT fine CHECK (public.fine(item_id))",
    )
    go(destination, 2)
    assert ask(
        admin, "SELECT convalidated FROM pg_constraint WHERE conname = 'fine' AND connamespace = 'monday'::regnamespace"
    ) == [(True,)]
    run(admin, "UPDATE public.least SET n = 5")
    with pytest.raises(DependentObject, match="fine"):
        go(destination, 3)


def test_a_trigger_that_fails_is_told_at_once(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1, way=Replace.IN_PLACE)
    run(admin, AUDIT.format("TRIGGER", "") + "; DROP TABLE public.audit")
    with pytest.raises(DependentObject, match='"audit" does not exist'):
        go(destination, 2, way=Replace.IN_PLACE)
    run(
        admin,
        "CREATE OR REPLACE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''not on Sundays''; END'",
    )
    with pytest.raises(DependentObject, match="not on Sundays"):
        go(destination, 3, way=Replace.IN_PLACE)


@pytest.mark.parametrize(
    ("key", "statement", "words"),
    [
        (
            ("item_id",),
            "ALTER TABLE monday.planning ALTER COLUMN item_id ADD GENERATED ALWAYS AS IDENTITY",
            "column item_id of monday.planning takes no values but its own",
        ),
        (
            ("item_id",),
            "ALTER TABLE monday.planning ADD COLUMN mine int NOT NULL DEFAULT 1;"
            " ALTER TABLE monday.planning ALTER COLUMN mine DROP DEFAULT",
            "column mine of monday.planning, which was added by hand, may not be empty",
        ),
        ((), "CREATE PUBLICATION everything FOR ALL TABLES", "monday.planning has no replica identity"),
        ((), "CREATE PUBLICATION few FOR TABLES IN SCHEMA monday", "monday.planning has no replica identity"),
    ],
)
def test_what_a_refill_cannot_write_to_is_named(
    destination: Postgres, admin: psycopg.Connection, key: tuple[str, ...], statement: str, words: str
) -> None:
    go(destination, 1, table(key=key), way=Replace.IN_PLACE)
    run(admin, statement)
    refused(destination, words, board=table(key=key), way=Replace.IN_PLACE)


def test_a_published_table_without_key_is_refilled_when_it_has_an_identity(
    destination: Postgres, admin: psycopg.Connection
) -> None:
    keyless = table(key=())
    go(destination, 1, keyless, way=Replace.IN_PLACE)
    run(admin, "CREATE PUBLICATION everything FOR ALL TABLES; ALTER TABLE monday.planning REPLICA IDENTITY FULL")
    go(destination, 2, keyless, way=Replace.IN_PLACE)
    assert ask(admin, "SELECT min(item_id) FROM monday.planning") == [(2,)]


def test_who_holds_a_partition_of_a_referencing_table_is_named(
    destination: Postgres, admin: psycopg.Connection, postgres_url: str
) -> None:
    go(destination, 1)
    run(
        admin,
        "CREATE TABLE public.parts (item bigint REFERENCES monday.planning, b int) PARTITION BY HASH (item);"
        " CREATE TABLE public.part PARTITION OF public.parts FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
        " PARTITION BY LIST (b); CREATE TABLE public.leaf PARTITION OF public.part DEFAULT",
    )
    with psycopg.connect(postgres_url, application_name="the reader") as reader:
        reader.execute("SELECT * FROM public.leaf")
        with pytest.raises(PromotionConflict, match="the reader") as caught:
            go(destination, 2)
        assert f"pid {reader.info.backend_pid}" in caught.value.message
    go(destination, 3)


def test_very_many_views_are_bound_again(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1)
    run(
        admin,
        "DO $$ BEGIN FOR i IN 1..400 LOOP EXECUTE format('CREATE VIEW public.v%s AS SELECT item_id FROM"
        " monday.planning', i); END LOOP; END $$",
    )
    go(destination, 2)
    assert ask(admin, "SELECT min(item_id) FROM public.v400") == [(2,)]


@pytest.fixture
def reader(admin: psycopg.Connection) -> Iterator[str]:
    name = f"reader_{time.time_ns()}"
    run(admin, f"CREATE ROLE {name}")
    yield name
    run(admin, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_table_that_comes_back_has_the_grants_that_it_left_with(
    destination: Postgres, admin: psycopg.Connection, reader: str, way: Replace
) -> None:
    """What was revoked stays revoked, what was granted stays granted, whichever generation the table comes from."""
    held = f"SELECT has_table_privilege('{reader}', 'monday.link', '{{}}')"
    go(destination, 1, table(), table("link"), way=way)
    run(admin, f"GRANT SELECT ON monday.link TO {reader}")
    go(destination, 2, table(), table("link"), way=way)
    run(admin, f"REVOKE SELECT ON monday.link FROM {reader}; GRANT INSERT ON monday.link TO {reader}")
    go(destination, 3, way=way)
    destination.rollback("back", [("1", 1)])
    assert ask(admin, held.format("SELECT")) == [(False,)]
    assert ask(admin, held.format("INSERT")) == [(True,)]
    run(admin, f"REVOKE ALL ON monday.link FROM {reader}")
    destination.rollback("forward", [("1", 3)])
    destination.rollback("back", [("1", 2)])
    assert ask(admin, held.format("INSERT")) == [(False,)]
    run(admin, f"GRANT SELECT (name) ON monday.link TO {reader}")
    destination.rollback("forward", [("1", 3)])
    go(destination, 4, table(), table("link"), way=way)
    assert ask(admin, f"SELECT has_column_privilege('{reader}', 'monday.link', 'name', 'SELECT')") == [(True,)]
    assert ask(admin, held.format("INSERT")) == [(False,)]


def test_a_table_that_comes_back_without_a_trace_gets_the_default_grants(
    destination: Postgres, admin: psycopg.Connection, reader: str
) -> None:
    run(admin, f"ALTER DEFAULT PRIVILEGES IN SCHEMA monday GRANT SELECT ON TABLES TO {reader}")
    go(destination, 1, table(), table("link"))
    run(admin, f"REVOKE SELECT ON monday.link FROM {reader}")
    go(destination, 2)
    destination.retain("1", 1)
    go(destination, 3, table(), table("link"))
    assert ask(admin, f"SELECT has_table_privilege('{reader}', 'monday.link', 'SELECT')") == [(True,)]
