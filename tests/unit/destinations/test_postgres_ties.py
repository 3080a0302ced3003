"""What is tied to a live PostgreSQL table in odd ways: a swap carries it, or names it before anything is touched."""

from __future__ import annotations

import psycopg
import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.postgres.engine import Postgres
from boardlift.errors import DependentObject, DestinationError, PromotionConflict
from boardlift.shape.table import Column, Table
from boardlift.shape.types import INTEGER
from boardlift.testing.arrow import Rows
from support.people import admin, ask, destination, go, newer, refused, run, table

__all__ = ["admin", "destination"]  # fixtures

RING = "CREATE FUNCTION public.ring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"


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


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_type_that_was_given_by_hand_is_not_taken_back_in_silence(
    destination: Postgres, admin: psycopg.Connection, way: Replace
) -> None:
    go(destination, 1, way=way)
    run(admin, "CREATE DOMAIN public.state AS text CHECK (VALUE LIKE 'status%')")
    run(admin, "ALTER TABLE monday.planning ALTER COLUMN status TYPE public.state")
    refused(destination, "column status of monday.planning was given the type public.state by hand", way=way)
    run(admin, "ALTER TABLE monday.planning ALTER COLUMN status TYPE text")
    go(destination, 3, way=way)
    run(admin, "ALTER TABLE monday.planning ALTER COLUMN status TYPE integer USING length(status)")
    changed = Table("planning", (*table().columns[:2], Column("status", INTEGER)), ("item_id",))
    ref = destination.stage("1", 4, changed)
    rows = destination.append(ref, Rows("SELECT 1, 'n', 7"))
    destination.promote("run", [StagedGroup("1", 4, ((ref, rows),), way)])
    assert ask(admin, "SELECT status FROM monday.planning") == [(7,)]
    destination.rollback("back", [("1", 3)])


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


def test_what_was_built_on_a_kept_table_is_named(destination: Postgres, admin: psycopg.Connection) -> None:
    """A generation that cannot be dropped stays whole, and the next one is swapped in all the same."""
    go(destination, 1)
    go(destination, 2)
    run(admin, "CREATE VIEW public.past AS SELECT * FROM monday__boardlift.planning__g1")
    go(destination, 3)
    with pytest.raises(DestinationError, match=r"view past depends on table .*planning__g1") as caught:
        destination.retain("1", 1)
    assert "come and go" in caught.value.hint
    assert [one.number for one in destination.generations("1")] == [3, 2, 1]
    run(admin, "DROP VIEW public.past")
    assert destination.retain("1", 1) == [1, 2]
