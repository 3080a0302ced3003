"""What a DBA sees before and after twenty changes of a PostgreSQL table is the same, in every line of pg_dump."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.postgres.engine import Postgres
from boardlift.errors import DependentObject
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, INTEGER, TEXT
from boardlift.testing.arrow import Rows
from support.postgres import dump

BOARD = Table(
    "planning",
    (
        Column("item_id", BIGINT, nullable=False, label="Item ID"),
        Column("name", TEXT, label="Name"),
        Column("status", TEXT),
        Column("effort", BIGINT),
        Column("unused", TEXT),
        Column("number", TEXT),
    ),
    key=("item_id",),
    label="Planning",
    indexes=(Index(("status",)), Index(("status", "name"), unique=True)),
)
SHAPES = (
    replace(BOARD, columns=(*BOARD.columns, Column("extra", TEXT, label="Extra"))),
    replace(BOARD, columns=tuple(column for column in BOARD.columns if column.name != "unused")),
    replace(BOARD, columns=(*BOARD.columns[:5], Column("number", INTEGER))),
    BOARD,
)

AROUND = """
CREATE SCHEMA reporting;
CREATE TABLE public.statuses (status text PRIMARY KEY);
INSERT INTO public.statuses VALUES ('s0'), ('s1'), ('s2');
CREATE FUNCTION public.ring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE SEQUENCE public.efforts;

ALTER TABLE monday.planning
    ADD CONSTRAINT sane CHECK (effort >= 0 AND name <> ''),
    ADD CONSTRAINT later CHECK (effort < 1000000) NOT VALID,
    ADD CONSTRAINT named_once UNIQUE (name, item_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT apart EXCLUDE USING btree (item_id WITH =),
    ADD CONSTRAINT known_status FOREIGN KEY (status) REFERENCES public.statuses ON UPDATE CASCADE,
    ADD CONSTRAINT parent FOREIGN KEY (item_id) REFERENCES monday.planning DEFERRABLE,
    ALTER COLUMN effort SET DEFAULT nextval('public.efforts'),
    ALTER COLUMN name SET STATISTICS 500,
    ALTER COLUMN name SET STORAGE EXTERNAL,
    ALTER COLUMN name SET COMPRESSION pglz,
    ALTER COLUMN status SET (n_distinct = 3),
    ALTER COLUMN status SET NOT NULL,
    SET (fillfactor = 70, toast.autovacuum_enabled = false);
COMMENT ON CONSTRAINT sane ON monday.planning IS 'no nonsense';
COMMENT ON CONSTRAINT known_status ON monday.planning IS 'see statuses';
COMMENT ON TABLE monday.planning IS 'The plan, as everybody knows it';
COMMENT ON COLUMN monday.planning.status IS 'from the board';

CREATE INDEX by_name ON monday.planning (lower(name)) WHERE status IS NOT NULL;
CREATE UNIQUE INDEX "odd ""name" ON monday.planning (item_id DESC, status) INCLUDE (name) WITH (fillfactor = 80);
CREATE INDEX by_effort ON monday.planning USING brin (effort);
CREATE INDEX by_hash ON monday.planning USING hash (name);
CREATE UNIQUE INDEX the_item ON monday.planning (item_id);
ALTER INDEX monday.by_name ALTER COLUMN 1 SET STATISTICS 77;
COMMENT ON INDEX monday.by_name IS 'for the search';
COMMENT ON INDEX monday.planning_pkey IS 'the key';
ALTER TABLE monday.planning CLUSTER ON by_hash_not;
ALTER TABLE monday.planning REPLICA IDENTITY USING INDEX the_item;
CREATE STATISTICS reporting.together (ndistinct, dependencies) ON status, effort FROM monday.planning;
CREATE STATISTICS monday.computed ON (lower(name)), (effort + 1) FROM monday.planning;
ALTER STATISTICS reporting.together SET STATISTICS 300;
COMMENT ON STATISTICS reporting.together IS 'they go together';

CREATE TRIGGER ring AFTER UPDATE OF name ON monday.planning FOR EACH ROW WHEN (OLD.name <> NEW.name)
    EXECUTE FUNCTION public.ring();
CREATE TRIGGER "quiet ON monday.planning" BEFORE INSERT ON monday.planning FOR EACH STATEMENT
    EXECUTE FUNCTION public.ring();
CREATE CONSTRAINT TRIGGER patient AFTER INSERT ON monday.planning DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION public.ring();
ALTER TABLE monday.planning DISABLE TRIGGER "quiet ON monday.planning";
ALTER TABLE monday.planning ENABLE ALWAYS TRIGGER ring;
COMMENT ON TRIGGER ring ON monday.planning IS 'rings';
CREATE POLICY own ON monday.planning AS PERMISSIVE FOR SELECT TO {reader} USING (effort > 3);
CREATE POLICY limits ON monday.planning AS RESTRICTIVE FOR ALL TO PUBLIC USING (true)
    WITH CHECK (EXISTS (SELECT FROM monday.planning AS other WHERE other.item_id = planning.item_id));
COMMENT ON POLICY own ON monday.planning IS 'only these';
ALTER TABLE monday.planning ENABLE ROW LEVEL SECURITY;
CREATE RULE noted AS ON DELETE TO monday.planning DO ALSO NOTIFY gone;
ALTER TABLE monday.planning DISABLE RULE noted;
COMMENT ON RULE noted ON monday.planning IS 'notes';

CREATE VIEW public.one WITH (security_barrier) AS SELECT item_id, name AS title, status FROM monday.planning;
CREATE VIEW reporting.two AS SELECT status, count(*) AS n FROM public.one GROUP BY status;
CREATE VIEW public.three AS SELECT * FROM reporting.two WHERE n > 0;
CREATE VIEW public.narrow AS SELECT item_id, effort FROM monday.planning WHERE effort > 1 WITH LOCAL CHECK OPTION;
CREATE VIEW public.grouped AS SELECT item_id, name, max(effort) AS m FROM monday.planning GROUP BY item_id;
CREATE VIEW public.joined AS SELECT * FROM monday.planning AS p(i, n, s, e) JOIN public.statuses ON s = statuses.status
    WHERE false;
DROP VIEW public.joined;
ALTER VIEW public.narrow ALTER COLUMN effort SET DEFAULT 5;
CREATE TRIGGER instead INSTEAD OF INSERT ON public.one FOR EACH ROW EXECUTE FUNCTION public.ring();
CREATE RULE through AS ON INSERT TO reporting.two DO INSTEAD INSERT INTO monday.planning (item_id) VALUES (1);
COMMENT ON VIEW public.one IS 'the first';
COMMENT ON COLUMN public.one.title IS 'its title';
CREATE MATERIALIZED VIEW reporting.stock WITH (fillfactor = 90) AS
    SELECT status, sum(effort) AS effort FROM monday.planning GROUP BY status;
CREATE UNIQUE INDEX stock_key ON reporting.stock (status);
CREATE INDEX stock_effort ON reporting.stock (effort);
COMMENT ON MATERIALIZED VIEW reporting.stock IS 'in stock';
COMMENT ON COLUMN reporting.stock.effort IS 'sum of it';
COMMENT ON INDEX reporting.stock_key IS 'unique';
ALTER MATERIALIZED VIEW reporting.stock ALTER COLUMN status SET STATISTICS 50;
CREATE MATERIALIZED VIEW reporting.more AS SELECT effort FROM reporting.stock WITH NO DATA;
CREATE VIEW public.above AS SELECT * FROM reporting.stock WHERE effort > 1;

CREATE TABLE public.orders (id bigint PRIMARY KEY, item bigint,
    CONSTRAINT for_item FOREIGN KEY (item) REFERENCES monday.planning ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE public.notes (item bigint, CONSTRAINT on_item FOREIGN KEY (item) REFERENCES monday.planning (item_id));
CREATE TABLE public.parts (item bigint REFERENCES monday.planning) PARTITION BY RANGE (item);
CREATE TABLE public.some_parts PARTITION OF public.parts FOR VALUES FROM (0) TO (100);
COMMENT ON CONSTRAINT on_item ON public.notes IS 'to the item';
INSERT INTO public.orders VALUES (1, 1), (2, 2);
INSERT INTO public.notes VALUES (3);
INSERT INTO public.parts VALUES (4);
CREATE POLICY of_items ON public.notes USING (EXISTS (SELECT FROM monday.planning p WHERE p.item_id = notes.item));
CREATE RULE forward AS ON UPDATE TO public.notes DO ALSO UPDATE monday.planning SET effort = 1 WHERE false;
CREATE FUNCTION public.how_many(s text) RETURNS bigint STABLE
    BEGIN ATOMIC SELECT count(*) FROM monday.planning WHERE status = s; END;
COMMENT ON FUNCTION public.how_many IS 'counts';
CREATE PUBLICATION outwards FOR TABLE monday.planning (item_id, name, effort) WHERE (item_id > 0), public.notes;

GRANT USAGE ON SCHEMA monday TO {reader}, {writer};
GRANT SELECT ON monday.planning TO {reader} WITH GRANT OPTION;
GRANT SELECT (item_id, status, effort), UPDATE (name) ON monday.planning TO {writer};
GRANT INSERT, TRIGGER ON monday.planning TO {auditor};
GRANT SELECT ON public.one, reporting.stock TO {reader};
GRANT SELECT (n, status) ON reporting.two TO {auditor};
ALTER VIEW public.three OWNER TO {auditor};
ALTER ROLE {writer} BYPASSRLS;
ALTER MATERIALIZED VIEW reporting.stock OWNER TO {writer};
""".replace("by_hash_not", "the_item")


@pytest.fixture
def destination(postgres_url: str) -> Iterator[Postgres]:
    opened = Postgres(postgres_url, "monday")
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection, on which roles are made that go with the test."""
    roles = [f"{name}_{time.time_ns()}" for name in ("reader", "writer", "auditor")]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for role in roles:
            connection.execute(f"CREATE ROLE {role}".encode())
        connection.execute("SET client_min_messages = error")
        connection.roles = dict(zip(("reader", "writer", "auditor"), roles, strict=True))  # type: ignore[attr-defined]
        yield connection
        connection.execute(f"DROP OWNED BY {', '.join(roles)} CASCADE".encode())
        connection.execute(f"DROP ROLE {', '.join(roles)}".encode())


def surround(admin: psycopg.Connection) -> None:
    """Build on the live table all that can be built on one."""
    text = AROUND
    for name, role in admin.roles.items():  # type: ignore[attr-defined]
        text = text.replace(f"{{{name}}}", role)
    admin.execute(text.encode())


def stage(destination: Postgres, number: int, shape: Table, way: Replace) -> StagedGroup:
    ref = destination.stage("1", number, shape)
    values = {
        "item_id": "range",
        "name": f"'item ' || range || ' of {number}'",
        "status": f"'s' || (range + {number}) % 3",
        "effort": f"range + {number}",
        "number": "range::VARCHAR",
        "unused": "'u'",
        "extra": "'e'",
    }
    columns = ", ".join(values[column.name] for column in shape.columns)
    count = destination.append(ref, Rows(f"SELECT {columns} FROM range(50)"))
    return StagedGroup("1", number, ((ref, count),), way)


def ordered(text: str, but: tuple[str, ...] = ()) -> list[str]:
    """The lines of a dump; those of the board's columns in no order, and without the columns `but`."""
    head, _, rest = text.partition("CREATE TABLE monday.planning (\n")
    columns, _, tail = rest.partition("\n)")
    lines = sorted(line.strip().rstrip(",") for line in columns.splitlines())
    lines = [line for line in lines if line.split(" ")[0] not in but]
    tail = "\n".join(line for line in tail.splitlines() if not any(f"planning.{name} IS" in line for name in but))
    return [line for line in [*head.splitlines(), *lines, *tail.splitlines()] if line and not line.startswith("--")]


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_everything_around_a_table_outlives_twenty_changes(
    destination: Postgres, admin: psycopg.Connection, postgres_url: str, way: Replace
) -> None:
    """Columns come, go and change their type; what nobody meant to change reads the same in every dump."""
    destination.promote("run", [stage(destination, 1, BOARD, way)])
    surround(admin)
    before = dump(postgres_url)
    assert before.count("monday.planning") > 30
    blocked = []
    for number in range(2, 22):
        shape = SHAPES[(number - 2) % len(SHAPES)]
        (foreseen,) = destination.replacements("1", [shape], way)
        assert foreseen.obstacles == ()
        blocked.append(destination.promote("run", [stage(destination, number, shape, way)]).blocked_ms)
        destination.retain("1", 3)
        volatile = ("unused", "number", "extra")
        assert ordered(dump(postgres_url), volatile) == ordered(before, volatile)
    assert statistics.median(blocked) < 250  # one alone may meet a machine that has other work
    assert shape == BOARD
    after = dump(postgres_url)
    assert (after if way is Replace.SWAP else ordered(after)) == (before if way is Replace.SWAP else ordered(before))
    destination.rollback("back", [("1", 20)])
    destination.rollback("forward", [("1", 21)])
    assert ordered(dump(postgres_url)) == ordered(before)
    assert admin.execute("SELECT n FROM public.three ORDER BY 1").fetchall() == [(16,), (17,), (17,)]
    assert admin.execute("SELECT public.how_many('s1')").fetchall() == [(17,)]
    for statement in ("DELETE FROM public.statuses", "INSERT INTO public.notes VALUES (77)"):
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            admin.execute(statement.encode())
    assert destination.drop_staged() == []


def narrow(status: bool = True) -> Table:
    kept = tuple(column for column in BOARD.columns if status or column.name != "status")
    return replace(BOARD, columns=kept, indexes=())


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE VIEW public.mine AS SELECT status FROM monday.planning", "view public.mine uses column status"),
        (
            "CREATE MATERIALIZED VIEW public.mine AS SELECT max(status) FROM monday.planning",
            "materialized view public.mine uses column status",
        ),
        ("ALTER TABLE monday.planning ADD CONSTRAINT mine CHECK (status <> '')", "constraint mine on monday.planning"),
        ("CREATE POLICY mine ON monday.planning USING (status = 'a')", "policy mine on monday.planning uses"),
        (
            "CREATE TRIGGER mine AFTER UPDATE OF status ON monday.planning FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "trigger mine on monday.planning uses column status",
        ),
        ("CREATE PUBLICATION mine FOR TABLE monday.planning (item_id, status)", "publication mine of monday.planning"),
        (
            "CREATE FUNCTION public.mine() RETURNS text BEGIN ATOMIC SELECT max(status) FROM monday.planning; END",
            "function public.mine() uses column status",
        ),
    ],
)
def test_a_column_that_somebody_uses_does_not_go(
    destination: Postgres, admin: psycopg.Connection, way: Replace, statement: str, words: str
) -> None:
    """Before anything is touched the object and the column are named; foreseen and refused alike."""
    destination.promote("run", [stage(destination, 1, narrow(), way)])
    admin.execute(statement.encode())
    (foreseen,) = destination.replacements("1", [narrow(status=False)], way)
    assert [words for obstacle in foreseen.obstacles if words in obstacle] == [words]
    before = destination.contents("1", 1)
    with pytest.raises(DependentObject, match="Production was not changed") as caught:
        destination.promote("run", [stage(destination, 2, narrow(status=False), way)])
    assert words in caught.value.message
    assert "status" in caught.value.message
    assert destination.contents("1", 1) == before


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE VIEW public.mine AS SELECT number FROM monday.planning", "its column number would change from text"),
        ("CREATE VIEW public.mine AS SELECT number || 'x' AS n, upper(number) AS u FROM monday.planning", "upper"),
        ("ALTER TABLE monday.planning ADD CONSTRAINT mine CHECK (length(number) < 9)", "length(integer)"),
        ("CREATE INDEX mine ON monday.planning (upper(number))", "upper(integer)"),
    ],
)
def test_a_type_that_somebody_depends_on_does_not_change(
    destination: Postgres, admin: psycopg.Connection, statement: str, words: str
) -> None:
    """PostgreSQL itself is asked, on an empty table of the new shape."""
    destination.promote("run", [stage(destination, 1, BOARD, Replace.SWAP)])
    admin.execute(statement.encode())
    (foreseen,) = destination.replacements("1", [SHAPES[2]], Replace.SWAP)
    assert [obstacle for obstacle in foreseen.obstacles if "mine" in obstacle and words in obstacle]
    with pytest.raises(DependentObject, match="mine"):
        destination.promote("run", [stage(destination, 2, SHAPES[2], Replace.SWAP)])
    admin.execute("CREATE VIEW public.fine AS SELECT count(number) AS n FROM monday.planning")
    admin.execute(b"DROP VIEW public.mine" if "VIEW" in statement else b"SELECT 1")
    if "VIEW" in statement:
        destination.promote("run", [stage(destination, 3, SHAPES[2], Replace.SWAP)])
        assert admin.execute("SELECT n FROM public.fine").fetchall() == [(50,)]


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_rows_that_others_refer_to_do_not_go(destination: Postgres, admin: psycopg.Connection, way: Replace) -> None:
    """A foreign key that would not hold, cascading or not, stops the swap; no row of anybody is deleted."""
    destination.promote("run", [stage(destination, 1, BOARD, way)])
    admin.execute("CREATE TABLE public.orders (item bigint CONSTRAINT mine REFERENCES monday.planning)")
    admin.execute("INSERT INTO public.orders VALUES (49)")
    ref = destination.stage("1", 2, BOARD)
    destination.append(ref, Rows("SELECT range, 'n' || range, 's', range, 'u', '1' FROM range(49)"))
    with pytest.raises(DependentObject, match="mine"):
        destination.promote("run", [StagedGroup("1", 2, ((ref, 49),), way)])
    assert admin.execute("SELECT count(*) FROM public.orders JOIN monday.planning ON item_id = item").fetchall() == [
        (1,)
    ]
    assert destination.query("SELECT count(*) FROM monday.planning")[1] == [(50,)]


def test_a_comment_of_a_person_stays_until_the_label_changes(destination: Postgres, admin: psycopg.Connection) -> None:
    """What a person wrote over the title of a column is theirs; a new title in monday.com is newer than both."""
    ask = "SELECT col_description('monday.planning'::regclass, 2)"
    relabelled = replace(BOARD, columns=(BOARD.columns[0], Column("name", TEXT, label="Task"), *BOARD.columns[2:]))
    said = []
    for number, shape in enumerate((BOARD, BOARD, BOARD, relabelled, relabelled), 1):
        destination.promote("run", [stage(destination, number, shape, Replace.SWAP)])
        if number == 1:
            admin.execute("COMMENT ON COLUMN monday.planning.name IS 'mine'")
        said += [text for (text,) in admin.execute(ask).fetchall()]
    assert said == ["mine", "mine", "mine", "Task", "Task"]


def test_configured_indexes_have_stable_names_and_no_doubles(destination: Postgres, admin: psycopg.Connection) -> None:
    """An index that a person made already is theirs and enough; names are never cut."""
    long = Column("c" * 60, TEXT)
    board = replace(BOARD, columns=(*BOARD.columns, long), indexes=(Index(("status",)), Index(("c" * 60,))))
    ask = "SELECT indexname FROM pg_indexes WHERE schemaname = 'monday' ORDER BY 1"

    def put(number: int) -> list[object]:
        ref = destination.stage("1", number, board)
        destination.append(ref, Rows("SELECT range, 'n', 's', 1, 'u', 'n', 'c' FROM range(9)"))
        destination.promote("run", [StagedGroup("1", number, ((ref, 9),))])
        return [name for (name,) in admin.execute(ask).fetchall()]

    first = put(1)
    assert [name for name in first if not str(name).startswith("idx_")] == ["planning_pkey", "planning_status_idx"]
    assert len(first) == 3
    assert put(2) == first
    admin.execute("DROP INDEX monday.planning_status_idx; CREATE INDEX theirs ON monday.planning (status)")
    mine = sorted(str(name) if name != "planning_status_idx" else "theirs" for name in first)
    assert put(3) == put(4) == mine
    board = replace(board, indexes=())
    assert put(5) == ["planning_pkey", "theirs"]
