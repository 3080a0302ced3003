"""Ways in which a PostgreSQL swap was once broken: each is refused by name, or works."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import psycopg
import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.obstacles import has_alias_list
from boardlift.errors import DependentObject
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows


@pytest.fixture
def destination(postgres_url: str) -> Iterator[Postgres]:
    opened = Postgres(postgres_url, "monday")
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def roles(admin: psycopg.Connection) -> Iterator[tuple[str, str]]:
    names = (f"owner_{time.time_ns()}", f"other_{time.time_ns()}")
    for name in names:
        admin.execute(f"CREATE ROLE {name}".encode())
    yield names
    admin.execute(f"DROP OWNED BY {', '.join(names)} CASCADE".encode())
    admin.execute(f"DROP ROLE {', '.join(names)}".encode())


def table(name: str = "planning", columns: Sequence[str] = ("name", "status"), indexes: Sequence[str] = ()) -> Table:
    fields = (Column("item_id", BIGINT, nullable=False), *(Column(column, TEXT) for column in columns))
    return Table(name, fields, key=("item_id",), indexes=tuple(Index((column,)) for column in indexes))


def go(destination: Postgres, number: int, *tables: Table, way: Replace = Replace.SWAP) -> None:
    staged = []
    for one in tables or (table(),):
        ref = destination.stage("1", number, one)
        values = ", ".join(f"'{column.name} ' || range" for column in one.columns[1:])
        staged.append((ref, destination.append(ref, Rows(f"SELECT range, {values} FROM range(10)"))))
    destination.promote("run", [StagedGroup("1", number, tuple(staged), way)])


def run(admin: psycopg.Connection, statements: str) -> None:
    admin.execute(statements.encode())


def indexes(admin: psycopg.Connection) -> list[str]:
    asked = admin.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'monday' ORDER BY 1")
    return [str(name) for (name,) in asked.fetchall()]


def refused(destination: Postgres, number: int, words: str, *tables: Table) -> None:
    """Foreseen, refused before the swap, and named."""
    found = destination.replacements("1", list(tables or (table(),)), Replace.SWAP)
    assert [one for each in found for one in each.obstacles if words in one]
    with pytest.raises(DependentObject, match="Production was not changed") as caught:
        go(destination, number, *tables)
    assert words in caught.value.message


def test_no_materialized_view_is_filled_past_row_level_security(
    destination: Postgres, admin: psycopg.Connection, roles: tuple[str, str]
) -> None:
    owner = roles[0]
    go(destination, 1)
    run(
        admin,
        "ALTER TABLE monday.planning ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY few ON monday.planning USING (item_id < 3);"
        f" GRANT USAGE ON SCHEMA monday TO {owner}; GRANT SELECT ON monday.planning TO {owner};"
        " CREATE MATERIALIZED VIEW public.m AS SELECT item_id FROM monday.planning;"
        f" GRANT ALL ON SCHEMA public TO {owner}; ALTER MATERIALIZED VIEW public.m OWNER TO {owner};"
        " REFRESH MATERIALIZED VIEW public.m",
    )
    refused(destination, 2, "materialized view public.m is filled through the row level security of monday.planning")
    go(destination, 3, way=Replace.IN_PLACE)
    assert admin.execute("SELECT count(*) FROM public.m").fetchall() == [(3,)]
    run(admin, f"ALTER ROLE {owner} BYPASSRLS")
    go(destination, 4)
    assert admin.execute("SELECT count(*) FROM public.m").fetchall() == [(10,)]


@pytest.mark.parametrize(
    ("statement", "words", "ask"),
    [
        (
            "CREATE VIEW public.v AS SELECT p.a AS name, p.b AS status FROM monday.planning p(id, a, b)",
            "view public.v counts the columns of monday.planning",
            "SELECT name, status FROM public.v WHERE name LIKE '% 1'",
        ),
        (
            "CREATE TABLE public.o (k bigint); INSERT INTO public.o VALUES (1); CREATE VIEW public.v AS SELECT"
            " j.b AS name, j.c AS status FROM (monday.planning p JOIN public.o ON p.item_id = o.k) AS j(a, b, c, d)",
            "view public.v counts",
            "SELECT * FROM public.v",
        ),
        (
            "CREATE FUNCTION public.v() RETURNS TABLE (x text, y text) BEGIN ATOMIC"
            " SELECT p.a, p.b FROM monday.planning p(id, a, b) WHERE id = 1; END",
            "function public.v() counts",
            "SELECT * FROM public.v()",
        ),
        (
            "CREATE MATERIALIZED VIEW public.v AS SELECT p.a, p.b FROM monday.planning p(id, a, b) WHERE id = 1",
            "materialized view public.v counts",
            "SELECT * FROM public.v",
        ),
    ],
    ids=["table", "join", "function", "materialized"],
)
def test_columns_that_are_counted_do_not_change_places(
    destination: Postgres, admin: psycopg.Connection, statement: str, words: str, ask: str
) -> None:
    go(destination, 1)
    run(admin, statement)
    go(destination, 2)
    turned = table(columns=("status", "name"))
    refused(destination, 3, words, turned)
    go(destination, 4, turned, way=Replace.IN_PLACE)
    go(destination, 5, table(columns=("status", "name", "more")), way=Replace.IN_PLACE)
    assert admin.execute(ask.encode()).fetchall() == [("name 1", "status 1")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT a FROM monday.planning p(a, b)", True),
        ('SELECT a FROM ONLY monday.planning "p (q"(a, b)', True),
        ("SELECT 1 FROM (monday.planning p JOIN o ON ((p.a = lower(o.b)))) j(a, b)", True),
        ("SELECT 1 FROM monday.planning p, LATERAL unnest(p.a) u(x)", False),
        ("SELECT 1 FROM monday.planning p, ( SELECT (1) AS x) s(y), ( VALUES (1)) v(z)", False),
        ("SELECT count(*) FILTER (WHERE (a > 1)) OVER (ORDER BY a) FROM monday.planning WHERE (a) IN (1)", False),
        ("SELECT ') x(a' FROM other.planning p(a, b)", False),
    ],
)
def test_an_alias_list_is_told_from_what_looks_like_it(text: str, found: bool) -> None:
    assert has_alias_list(text, ("monday", "planning")) is found


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("ALTER TABLE monday.link ENABLE ROW LEVEL SECURITY", "row level security is enabled on monday.link"),
        ("CREATE POLICY p ON monday.link USING (true)", "policy p on monday.link would be lost"),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON monday.link FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "trigger t on monday.link would be lost",
        ),
        ("CREATE RULE r AS ON DELETE TO monday.link DO ALSO NOTIFY gone", "rule r on monday.link would be lost"),
        ("CREATE PUBLICATION b FOR TABLE monday.link", "publication b of monday.link needs"),
    ],
)
def test_a_table_with_protection_does_not_vanish_and_so_never_returns_without(
    destination: Postgres, admin: psycopg.Connection, statement: str, words: str
) -> None:
    go(destination, 1, table(), table("link"))
    run(admin, statement)
    refused(destination, 2, words, table())
    refused(destination, 3, words, table(), table("renamed"))
    go(destination, 4, table(), table("link"))


def test_a_recorded_index_that_is_gone_does_not_stop_a_refill(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1, table(indexes=("status",)))
    run(admin, "DROP INDEX monday.planning_status_idx")
    go(destination, 2, way=Replace.IN_PLACE)
    go(destination, 3, way=Replace.IN_PLACE)
    assert indexes(admin) == ["planning_pkey"]


def test_a_rollback_in_place_makes_the_indexes_of_its_generation(
    destination: Postgres, admin: psycopg.Connection
) -> None:
    go(destination, 1, table(indexes=("name",)), way=Replace.IN_PLACE)
    go(destination, 2, way=Replace.IN_PLACE)
    assert indexes(admin) == ["planning_pkey"]
    destination.rollback("back", [("1", 1)])
    assert indexes(admin) == ["planning_name_idx", "planning_pkey"]
    destination.rollback("forward", [("1", 2)])
    assert indexes(admin) == ["planning_pkey"]


def test_an_index_that_went_and_came_again_does_not_stop_a_rollback(
    destination: Postgres, admin: psycopg.Connection
) -> None:
    go(destination, 1, table(indexes=("name",)))
    go(destination, 2)
    destination.rollback("back", [("1", 1)])
    destination.rollback("forward", [("1", 2)])
    go(destination, 3, table(indexes=("name",)))
    for number in (1, 3, 2, 1, 3):
        destination.rollback("run", [("1", number)])
        assert indexes(admin) == (["planning_pkey"] if number == 2 else ["planning_name_idx", "planning_pkey"])


def test_grants_by_two_grantors_are_one(
    destination: Postgres, admin: psycopg.Connection, roles: tuple[str, str]
) -> None:
    first, second = roles
    go(destination, 1)
    run(
        admin,
        f"GRANT USAGE ON SCHEMA monday TO {first}, {second};"
        f" GRANT SELECT, UPDATE (name) ON monday.planning TO {first} WITH GRANT OPTION;"
        f" GRANT SELECT, UPDATE (name) ON monday.planning TO {second}; SET ROLE {first};"
        f" GRANT SELECT, UPDATE (name) ON monday.planning TO {second} WITH GRANT OPTION; RESET ROLE;"
        f" GRANT INSERT ON monday.planning TO {first}",
    )
    go(destination, 2)
    go(destination, 3)
    held = "SELECT has_table_privilege(%s, 'monday.planning', 'SELECT WITH GRANT OPTION')"
    assert admin.execute(held, [second]).fetchall() == [(True,)]


def test_subscribers_are_spoken_of(destination: Postgres, admin: psycopg.Connection) -> None:
    go(destination, 1)
    run(admin, "CREATE PUBLICATION b FOR TABLE monday.planning")
    (foreseen,) = destination.replacements("1", [table()], Replace.SWAP)
    assert "REFRESH PUBLICATION" in foreseen.why
    assert foreseen.obstacles == ()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ('ALTER TABLE monday.planning ALTER COLUMN name TYPE text COLLATE "C"', "has the collation pg_catalog"),
        (
            "ALTER TABLE monday.planning DROP CONSTRAINT planning_pkey, ADD PRIMARY KEY (item_id) DEFERRABLE",
            "is deferrable",
        ),
        (
            "ALTER TABLE monday.planning DROP CONSTRAINT planning_pkey, ADD PRIMARY KEY (item_id) INCLUDE (name)",
            "includes columns",
        ),
        ("ALTER TABLE monday.planning ADD CONSTRAINT c CHECK (planning IS DISTINCT FROM NULL)", "takes whole rows"),
    ],
)
def test_options_that_would_be_lost_are_named(
    destination: Postgres, admin: psycopg.Connection, statement: str, words: str
) -> None:
    go(destination, 1)
    run(admin, statement)
    refused(destination, 2, words)
    if words != "includes columns":
        go(destination, 3, way=Replace.IN_PLACE)


def test_storage_options_of_keys_are_carried(destination: Postgres, admin: psycopg.Connection) -> None:
    ask = "SELECT reloptions FROM pg_class WHERE oid = 'monday.{}'::regclass"
    go(destination, 1)
    run(
        admin,
        "ALTER INDEX monday.planning_pkey SET (fillfactor = 60);"
        " ALTER TABLE monday.planning ADD CONSTRAINT u UNIQUE (name) WITH (fillfactor = 50)",
    )
    go(destination, 2)
    assert admin.execute(ask.format("planning_pkey").encode()).fetchall() == [(["fillfactor=60"],)]
    assert admin.execute(ask.format("u").encode()).fetchall() == [(["fillfactor=50"],)]
    run(admin, "ALTER INDEX monday.planning_pkey RESET (fillfactor)")
    destination.rollback("back", [("1", 1)])
    assert admin.execute(ask.format("planning_pkey").encode()).fetchall() == [(None,)]
