"""A PostgreSQL role that owns its schemas and nothing else is told beforehand which right a swap lacks."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.postgres.engine import Postgres
from boardlift.errors import DependentObject
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows

BOARD = Table(
    "planning", (Column("item_id", BIGINT, nullable=False), Column("name", TEXT), Column("status", TEXT)), ("item_id",)
)


class Roles:
    """A superuser's connection, and two roles: `etl` writes, `dba` owns what is around."""

    def __init__(self, admin: psycopg.Connection, database: str) -> None:
        self.admin = admin
        self.etl, self.dba = f"etl_{database}", f"dba_{database}"

    def run(self, statements: str) -> None:
        self.admin.execute(statements.replace("{etl}", self.etl).replace("{dba}", self.dba).encode())


@pytest.fixture
def roles(postgres_url: str) -> Iterator[Roles]:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        found = Roles(admin, str(conninfo_to_dict(postgres_url)["dbname"]))
        found.run("SET client_min_messages = error; CREATE ROLE {etl} LOGIN; CREATE ROLE {dba}")
        found.run("CREATE SCHEMA monday AUTHORIZATION {etl}; CREATE SCHEMA monday__boardlift AUTHORIZATION {etl}")
        found.run(
            "CREATE SCHEMA closed; CREATE SCHEMA reporting AUTHORIZATION {dba}; GRANT ALL ON SCHEMA public TO {dba}"
        )
        yield found
        found.run("DROP OWNED BY {etl}, {dba} CASCADE; DROP ROLE {etl}, {dba}")


@pytest.fixture
def destination(postgres_url: str, roles: Roles) -> Iterator[Postgres]:
    opened = Postgres(postgres_url.replace("postgres@", f"{roles.etl}@"), "monday")
    opened.prepare()
    go(opened, 1)
    yield opened
    opened.close()


def go(destination: Postgres, number: int) -> None:
    ref = destination.stage("1", number, BOARD)
    values = f"SELECT range, 'n{number}', 's' FROM range(5)"
    staged = ((ref, destination.append(ref, Rows(values))),)
    destination.promote("run", [StagedGroup("1", number, staged, Replace.SWAP)])


def check(destination: Postgres, roles: Roles, words: str, out: str) -> None:
    """`words` are said before the swap with the way out, in the plan and by the run; the way out helps."""
    (found,) = destination.replacements("1", [BOARD], Replace.SWAP)
    assert [one for one in found.obstacles if words.replace("{dba}", roles.dba) in one] != []
    with pytest.raises(DependentObject, match="Production was not changed") as caught:
        go(destination, 2)
    assert words.replace("{dba}", roles.dba) in caught.value.message
    assert "GRANT CREATE ON DATABASE" not in caught.value.hint
    roles.run(out)
    assert destination.replacements("1", [BOARD], Replace.SWAP)[0].obstacles == ()
    go(destination, 3)
    assert destination.query("SELECT DISTINCT name FROM monday.planning")[1] == [("n3",)]


HIDDEN = "GRANT USAGE, CREATE ON SCHEMA monday__boardlift TO {dba}"


def test_owners_may_hold_what_is_staged_for_them(destination: Postgres, roles: Roles) -> None:
    """Staged tables, materialized views and statistics are given to their owners in the hidden schema."""
    roles.run(
        "GRANT {dba} TO {etl}; GRANT ALL ON SCHEMA monday TO {dba}; ALTER TABLE monday.planning OWNER TO {dba};"
        " CREATE MATERIALIZED VIEW reporting.copy AS SELECT * FROM monday.planning;"
        " ALTER MATERIALIZED VIEW reporting.copy OWNER TO {dba};"
        " CREATE STATISTICS reporting.pair ON name, status FROM monday.planning;"
        " ALTER STATISTICS reporting.pair OWNER TO {dba}"
    )
    (found,) = destination.replacements("1", [BOARD], Replace.SWAP)
    said = " ".join(found.obstacles)
    of_planning = "statistics object reporting.pair on monday.planning"
    for what in ("table monday.planning", "materialized view reporting.copy", of_planning):
        assert f"{roles.dba}, who owns {what}, may have nothing in monday__boardlift" in said
    assert said.count(HIDDEN.replace("{dba}", roles.dba)) == 3
    check(destination, roles, "{dba}, who owns table monday.planning, may have nothing in monday__boardlift", HIDDEN)
    destination.rollback("back", [("1", 1)])


def test_a_membership_that_cannot_give_is_named(destination: Postgres, roles: Roles) -> None:
    """From PostgreSQL 16 on a role may have the rights of another and not its SET."""
    if roles.admin.info.server_version < 160_000:
        pytest.skip("PostgreSQL 16 or later")
    roles.run(f"GRANT {{dba}} TO {{etl}} WITH INHERIT TRUE, SET FALSE; GRANT ALL ON SCHEMA monday TO {{dba}}; {HIDDEN}")
    roles.run("ALTER TABLE monday.planning OWNER TO {dba}")
    check(
        destination, roles, "may not give the successor of table monday.planning", "GRANT {dba} TO {etl} WITH SET TRUE"
    )


@pytest.mark.parametrize(
    ("around", "words", "out"),
    [
        (
            "CREATE STATISTICS reporting.pair ON name, status FROM monday.planning;"
            " ALTER STATISTICS reporting.pair OWNER TO {dba}",
            "belongs to {dba}, so boardlift's role may not move it",
            f"GRANT {{dba}} TO {{etl}}; {HIDDEN}",
        ),
        (
            "CREATE STATISTICS closed.pair ON name, status FROM monday.planning;"
            " ALTER STATISTICS closed.pair OWNER TO {etl}",
            "is in a schema where boardlift's role may create nothing",
            "GRANT CREATE, USAGE ON SCHEMA closed TO {etl}",
        ),
        (
            "CREATE FUNCTION closed.ring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            " CREATE TRIGGER ring AFTER UPDATE ON monday.planning FOR EACH ROW EXECUTE FUNCTION closed.ring()",
            "trigger ring on monday.planning calls closed.ring()",
            "GRANT USAGE ON SCHEMA closed TO {etl}",
        ),
        (
            "CREATE FUNCTION public.ring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            " REVOKE ALL ON FUNCTION public.ring() FROM PUBLIC;"
            " CREATE TRIGGER ring AFTER UPDATE ON monday.planning FOR EACH ROW EXECUTE FUNCTION public.ring()",
            "trigger ring on monday.planning calls public.ring()",
            "GRANT EXECUTE ON FUNCTION public.ring() TO {etl}",
        ),
        (
            "CREATE TABLE public.states (status text PRIMARY KEY); INSERT INTO public.states VALUES ('s');"
            " ALTER TABLE monday.planning ADD CONSTRAINT a_state FOREIGN KEY (status) REFERENCES public.states",
            "foreign key a_state on monday.planning refers to public.states",
            "GRANT REFERENCES (status) ON public.states TO {etl}",
        ),
        (
            "CREATE FUNCTION public.many() RETURNS bigint LEAKPROOF BEGIN ATOMIC SELECT count(*) FROM monday.planning;"
            " END; GRANT ALL ON SCHEMA public TO {etl}; ALTER FUNCTION public.many() OWNER TO {etl}",
            "function public.many() is marked LEAKPROOF",
            "ALTER FUNCTION public.many() NOT LEAKPROOF",
        ),
    ],
    ids=["statistics", "schema", "usage", "execute", "references", "leakproof"],
)
def test_a_missing_right_is_named(destination: Postgres, roles: Roles, around: str, words: str, out: str) -> None:
    roles.run(around)
    check(destination, roles, words, out)


def test_schemas_that_are_closed_to_us_are_found_by_a_try(destination: Postgres, roles: Roles) -> None:
    """The shape does not change, and still not all could be made again."""
    roles.run(
        "CREATE FUNCTION closed.fine(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';"
        " CREATE FUNCTION closed.word() RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT 1::text';"
        " CREATE TABLE closed.allowed (item bigint); GRANT SELECT ON closed.allowed TO {etl};"
        " ALTER TABLE monday.planning ADD CONSTRAINT fine CHECK (closed.fine(name)),"
        " ALTER COLUMN status SET DEFAULT closed.word(); CREATE INDEX by_fine ON monday.planning (closed.fine(name));"
        " CREATE POLICY listed ON monday.planning USING (item_id IN (SELECT item FROM closed.allowed));"
        " CREATE VIEW public.listed AS SELECT p.* FROM monday.planning p JOIN closed.allowed a ON a.item = p.item_id;"
        " GRANT ALL ON SCHEMA public TO {etl}; ALTER VIEW public.listed OWNER TO {etl}"
    )
    (found,) = destination.replacements("1", [BOARD], Replace.SWAP)
    for what in ("view public.listed", "constraint fine", "index by_fine", "policy listed", "column status"):
        assert [one for one in found.obstacles if f"boardlift's role may not make {what}" in one] != []
    out = "GRANT USAGE ON SCHEMA closed TO {etl}"
    check(destination, roles, "boardlift's role may not make view public.listed again", out)
