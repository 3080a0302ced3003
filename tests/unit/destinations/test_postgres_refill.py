"""A refill in place writes to a table of people's: with their triggers, beside their rows, and never past them."""

from __future__ import annotations

import psycopg
import pytest

from boardlift.destinations.interface import Replace
from boardlift.destinations.postgres.engine import Postgres
from boardlift.errors import DependentObject
from support.people import admin, ask, destination, go, refused, run, table

__all__ = ["admin", "destination"]  # fixtures


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


@pytest.mark.parametrize("key", [("item_id",), ()], ids=["key", "keyless"])
@pytest.mark.parametrize("gently", [False, True])
def test_a_refill_leaves_the_rows_of_child_tables_alone(
    destination: Postgres, admin: psycopg.Connection, key: tuple[str, ...], gently: bool
) -> None:
    """A person's rows in a table that inherits from a live one are nobody else's to delete."""
    board, way = table(key=key), Replace.IN_PLACE
    go(destination, 1, board, way=way)
    run(admin, "CREATE TABLE public.mine (note text) INHERITS (monday.planning)")
    run(admin, "INSERT INTO public.mine VALUES (3, 'mine', 'mine', 'mine'), (77, 'mine', 'mine', 'mine')")
    if gently:
        run(admin, "ALTER TABLE monday.planning ADD COLUMN theirs text")
    fingerprints = destination.contents("1", 1)
    for number in (2, 3):
        go(destination, number, board, way=way)
    assert ask(admin, "SELECT item_id, name, note FROM public.mine ORDER BY 1") == [
        (3, "mine", "mine"),
        (77, "mine", "mine"),
    ]
    assert ask(admin, "SELECT count(*), min(item_id) FROM ONLY monday.planning") == [(10, 3)]
    go(destination, 4, table(columns=("name", "status", "more"), key=key), way=way)
    destination.rollback("back", [("1", 1)])
    assert destination.contents("1", 1) == fingerprints
    assert ask(admin, "SELECT count(*) FROM public.mine") == [(2,)]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "CREATE TYPE public.shape AS (item_id bigint, name text, status text);"
            " ALTER TABLE monday.planning OF public.shape",
            "the type public.shape that the table is of (on monday.planning) has no part in the change",
        ),
        (
            "CREATE TABLE public.whole (item_id bigint NOT NULL, name text, status text) PARTITION BY RANGE (item_id);"
            " ALTER TABLE public.whole ATTACH PARTITION monday.planning FOR VALUES FROM (0) TO (1000)",
            "inheritance from public.whole (on monday.planning) has no part in the change",
        ),
    ],
    ids=["typed", "partition"],
)
def test_a_refilled_table_whose_columns_are_not_its_own_keeps_them(
    destination: Postgres, admin: psycopg.Connection, statement: str, words: str
) -> None:
    go(destination, 1, way=Replace.IN_PLACE)
    run(admin, statement)
    refused(destination, words, board=table(columns=("name", "status", "more")), way=Replace.IN_PLACE)
    go(destination, 3, way=Replace.IN_PLACE)


def test_a_column_that_a_generated_one_needs_does_not_go(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1, way=Replace.IN_PLACE)
    run(admin, "ALTER TABLE monday.planning ADD COLUMN low text GENERATED ALWAYS AS (lower(status)) STORED")
    words = "column low on monday.planning uses column status of monday.planning, which goes"
    refused(destination, words, board=table(columns=("name",)), way=Replace.IN_PLACE)
    go(destination, 3, way=Replace.IN_PLACE)
    assert ask(admin, "SELECT low FROM monday.planning WHERE item_id = 4") == [("status 1",)]


def test_a_published_table_without_key_is_refilled_when_it_has_an_identity(
    destination: Postgres, admin: psycopg.Connection
) -> None:
    keyless = table(key=())
    go(destination, 1, keyless, way=Replace.IN_PLACE)
    run(admin, "CREATE PUBLICATION everything FOR ALL TABLES; ALTER TABLE monday.planning REPLICA IDENTITY FULL")
    go(destination, 2, keyless, way=Replace.IN_PLACE)
    assert ask(admin, "SELECT min(item_id) FROM monday.planning") == [(2,)]
