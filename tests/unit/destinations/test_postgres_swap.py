"""What people built around a live PostgreSQL table, and what they do with it, during a swap."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from boardlift.clock import SystemClock
from boardlift.destinations.interface import Replace, State
from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.swap import SwapPolicy
from boardlift.errors import DependentObject, DestinationError, PromotionConflict
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from support.generations import PLANNING, live_name, promoted, staged

IMPATIENT = SwapPolicy(attempts=3, patience=2.0)


@pytest.fixture
def destination(postgres_url: str) -> Iterator[Postgres]:
    opened = Postgres(postgres_url, "monday", policy=IMPATIENT)
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def test_readers_never_fail_and_hardly_wait(destination: Postgres, postgres_url: str) -> None:
    """Four readers query without pause through twenty swaps: no error, always one whole generation, no long wait."""
    destination.promote("run", [staged(destination, 1, rows=5000)])
    stop = threading.Event()
    waits: list[float] = []
    failures: list[str] = []

    def read() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            while not stop.is_set():
                started = time.monotonic()
                try:
                    found = connection.execute("SELECT count(*), count(DISTINCT name) FROM monday.planning").fetchone()
                    if found != (5000, 1):
                        failures.append(str(found))
                except psycopg.Error as error:
                    failures.append(str(error))
                waits.append(time.monotonic() - started)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        patient = Postgres(postgres_url, "monday")
        for generation in range(2, 22):
            patient.promote("run", [staged(patient, generation, rows=5000)])
        patient.close()
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert failures == []
    assert len(waits) > 20
    assert max(waits) < 1.0


def test_grants_survive_swaps_and_changes_of_shape(destination: Postgres, admin: psycopg.Connection) -> None:
    """Table and column grants stay as they were, also for a new shape; what was revoked does not come back."""
    roles = [f"{name}_{time.time_ns()}" for name in ("reader", "auditor", "leaver")]
    reader, auditor, leaver = roles
    for role in roles:
        admin.execute(f"CREATE ROLE {role}".encode())
    promoted(destination, 1)
    admin.execute(f"GRANT SELECT ON monday.planning TO {reader}, {leaver}".encode())
    admin.execute(f"GRANT SELECT (item_id, status), UPDATE (name) ON monday.planning TO {auditor}".encode())
    admin.execute(f"GRANT SELECT ON monday.planning TO {reader} WITH GRANT OPTION".encode())
    promoted(destination, 2)
    admin.execute(f"REVOKE SELECT ON monday.planning FROM {leaver}".encode())
    wider = replace(PLANNING, columns=(*PLANNING.columns, Column("extra", TEXT)))
    destination.promote("run", [staged(destination, 3, table=wider)])
    narrower = replace(PLANNING, columns=PLANNING.columns[:2])
    destination.promote("run", [staged(destination, 4, table=narrower)])

    def may(role: str, column: str, privilege: str = "SELECT") -> bool:
        ask = "SELECT has_column_privilege(%s, 'monday.planning', %s, %s)"
        return admin.execute(ask, [role, column, privilege]).fetchall() == [(True,)]

    assert (may(reader, "name"), may(reader, "name", "SELECT WITH GRANT OPTION")) == (True, True)
    assert (may(auditor, "item_id"), may(auditor, "name"), may(auditor, "name", "UPDATE")) == (True, False, True)
    assert not may(leaver, "name")
    destination.rollback("back", [("1", 1)])
    assert not may(leaver, "name")
    assert may(reader, "name")
    admin.execute(f"DROP OWNED BY {', '.join(roles)}".encode())
    admin.execute(f"DROP ROLE {', '.join(roles)}".encode())


def test_a_changed_owner_stays(destination: Postgres, admin: psycopg.Connection) -> None:
    """When a person gave the live table to somebody, the next generation is theirs too."""
    role = f"dba_{time.time_ns()}"
    admin.execute(f"CREATE ROLE {role}".encode())
    promoted(destination, 1)
    admin.execute(f"ALTER TABLE monday.planning OWNER TO {role}".encode())
    promoted(destination, 2, 3)
    owner = admin.execute("SELECT tableowner FROM pg_tables WHERE schemaname = 'monday'").fetchall()
    assert owner == [(role,)]
    admin.execute(f"DROP OWNED BY {role} CASCADE".encode())
    admin.execute(f"DROP ROLE {role}".encode())


def test_default_privileges_reach_a_new_table(destination: Postgres, admin: psycopg.Connection) -> None:
    """What the live namespace promises for new tables holds, though tables are made elsewhere."""
    role = f"reader_{time.time_ns()}"
    admin.execute(f"CREATE ROLE {role}".encode())
    admin.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA monday GRANT SELECT ON TABLES TO {role}".encode())
    promoted(destination, 1, 2)
    ask = "SELECT has_table_privilege(%s, 'monday.planning', 'SELECT')"
    assert admin.execute(ask, [role]).fetchall() == [(True,)]
    admin.execute(f"DROP OWNED BY {role}".encode())
    admin.execute(f"DROP ROLE {role}".encode())


def test_indexes_follow_under_their_names(destination: Postgres, admin: psycopg.Connection) -> None:
    """An index made by a person is there after each swap, under its name; one on a column that went is left out."""
    promoted(destination, 1)
    admin.execute("CREATE INDEX by_name ON monday.planning (lower(name)) WHERE status IS NOT NULL")
    admin.execute('CREATE UNIQUE INDEX "odd ""name" ON monday.planning USING btree (item_id DESC, status)')
    promoted(destination, 2, 3)
    destination.rollback("back", [("1", 2)])
    destination.rollback("back", [("1", 1)])
    promoted(destination, 4)

    def live_indexes() -> dict[str, str]:
        ask = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'monday' AND indexname NOT LIKE '%pkey'"
        return dict(admin.execute(ask).fetchall())

    found = live_indexes()
    assert set(found) == {"by_name", 'odd "name'}
    assert "lower(name)) WHERE (status IS NOT NULL)" in found["by_name"]
    assert "UNIQUE" in found['odd "name']
    bare = Table("planning", (Column("item_id", BIGINT), Column("name", TEXT)), ("item_id",))
    destination.promote("run", [staged(destination, 5, table=bare)])
    assert live_indexes() == {}
    destination.rollback("back", [("1", 4)])
    assert len(live_indexes()) == 2


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE public.mine (p monday.planning)", "column p of table public.mine"),
        ("CREATE TABLE public.child () INHERITS (monday.planning)", "table public.child"),
        (
            "CREATE FUNCTION public.mine() RETURNS SETOF monday.planning LANGUAGE sql AS 'TABLE monday.planning'",
            "function public.mine()",
        ),
        (
            "CREATE SEQUENCE monday.mine OWNED BY monday.planning.item_id",
            "sequence monday.mine",
        ),
        ("ALTER TABLE monday.planning ADD COLUMN note text", "column note of monday.planning was added by hand"),
        (
            "CREATE VIEW monday.one AS SELECT name FROM monday.planning; CREATE MATERIALIZED VIEW monday.mine AS"
            " SELECT p.name FROM monday.planning p JOIN monday.one USING (name)",
            "materialized view monday.mine reads monday.planning and also monday.one",
        ),
        (
            "CREATE VIEW public.whole AS SELECT p FROM monday.planning p",
            "column p of view public.whole",
        ),
    ],
)
def test_what_cannot_be_kept_is_named_before_anything_changes(
    destination: Postgres, admin: psycopg.Connection, statement: str, words: str
) -> None:
    """A swap that would cut something off does not begin, and what it would say is known beforehand."""
    promoted(destination, 1)
    admin.execute(statement.encode())
    wider = replace(PLANNING, columns=(*PLANNING.columns, Column("extra", TEXT)))
    (foreseen,) = destination.replacements("1", [wider], Replace.SWAP)
    assert [words for obstacle in foreseen.obstacles if words in obstacle] == [words]
    before = destination.generations()
    with pytest.raises(DependentObject) as caught:
        destination.promote("run", [staged(destination, 2, table=wider)])
    assert words in caught.value.message
    assert "planning" in caught.value.message
    assert caught.value.hint
    assert destination.generations() == before
    assert live_name(destination) == "g1"


def test_a_view_made_at_the_last_moment_is_bound_too(
    destination: Postgres, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes between the preparation and the lock is found under the lock."""
    from boardlift.destinations.postgres.swap import Swap

    promoted(destination, 1)
    before_locks = Swap._before_locks
    made: list[bool] = []

    def meanwhile(self: Swap, plan: object, prepared: object) -> object:
        if not made:
            made.append(True)
            admin.execute("CREATE VIEW public.late AS SELECT name FROM monday.planning")
        return before_locks(self, plan, prepared)  # type: ignore[arg-type]

    monkeypatch.setattr(Swap, "_before_locks", meanwhile)
    outcome = destination.promote("run-2", [staged(destination, 2)])
    assert outcome.attempts == 2
    assert admin.execute("SELECT DISTINCT name FROM public.late").fetchall() == [("g2",)]


def test_who_holds_the_table_is_named(destination: Postgres, postgres_url: str) -> None:
    """A reader that never ends keeps its table; the error says who it is, and others are not kept waiting."""
    promoted(destination, 1)
    with psycopg.connect(postgres_url, application_name="long report") as blocker:
        blocker.execute("SELECT count(*) FROM monday.planning")
        with pytest.raises(PromotionConflict) as caught:
            promoted(destination, 2)
        pid = blocker.info.backend_pid
    for fact in (f"pid {pid}", "user postgres", "long report", "idle in transaction", "SELECT count(*)", "3 attempts"):
        assert fact in caught.value.message
    assert caught.value.message.endswith("Production was not changed.")
    assert live_name(destination) == "g1"
    assert [(g.number, g.state) for g in destination.generations()] == [(1, State.LIVE)]


def test_other_readers_wait_no_longer_than_the_budget(destination: Postgres, postgres_url: str) -> None:
    """While one reader blocks the swap, the others get through between its attempts."""
    promoted(destination, 1)
    longest = 0.0
    with psycopg.connect(postgres_url) as blocker, psycopg.connect(postgres_url, autocommit=True) as reader:
        blocker.execute("SELECT count(*) FROM monday.planning")
        group = staged(destination, 2)
        swapping = threading.Thread(target=_conflict, args=(destination, group))
        swapping.start()
        while swapping.is_alive():
            started = time.monotonic()
            reader.execute("SELECT count(*) FROM monday.planning").fetchall()
            longest = max(longest, time.monotonic() - started)
        swapping.join()
    assert longest < 1.0


def _conflict(destination: Postgres, group: object) -> None:
    with pytest.raises(PromotionConflict):
        destination.promote("run", [group])  # type: ignore[list-item]


def test_the_swap_succeeds_when_the_blocker_leaves(destination: Postgres, postgres_url: str) -> None:
    """A promotion refused for a lock can be repeated with the same staged tables."""
    promoted(destination, 1)
    group = staged(destination, 2)
    with psycopg.connect(postgres_url) as blocker:
        blocker.execute("SELECT count(*) FROM monday.planning")
        _conflict(destination, group)

        class Leaving(SystemClock):
            """Between two attempts the blocker leaves."""

            def sleep(self, seconds: float) -> None:
                blocker.rollback()

        patient = Postgres(postgres_url, "monday", policy=SwapPolicy(patience=20), clock=Leaving())
        outcome = patient.promote("run", [group])
        patient.close()
    assert outcome.attempts > 1
    assert live_name(destination) == "g2"


def test_many_tables_are_swapped_at_once(destination: Postgres) -> None:
    """Fifty boards go live in one commit, and readers wait well under a second for it."""
    tables = [replace(PLANNING, name=f"board_{number}") for number in range(50)]
    for generation in (1, 2):
        groups = [staged(destination, generation, table=table, group=table.name) for table in tables]
        outcome = destination.promote("run", groups)
    assert outcome.blocked_ms < 1000
    assert len(destination.generations()) == 100


def test_names_in_the_way_are_reported(destination: Postgres, admin: psycopg.Connection) -> None:
    """A type of the table's name stops the swap as a table would."""
    admin.execute("CREATE DOMAIN monday.planning AS text")
    with pytest.raises(PromotionConflict, match="planning"):
        promoted(destination, 1)
    assert destination.generations() == []


def test_a_live_table_replaced_by_a_view_is_foreign(destination: Postgres, admin: psycopg.Connection) -> None:
    """The name is ours by the catalogue, the object is not."""
    promoted(destination, 1)
    admin.execute("DROP TABLE monday.planning")
    admin.execute("CREATE VIEW monday.planning AS SELECT 'theirs' AS name")
    assert destination.foreign_tables(["planning"]) == ["planning"]
    with pytest.raises(PromotionConflict):
        promoted(destination, 2)
    assert live_name(destination) == "theirs"


def test_a_missing_staged_table_is_named(destination: Postgres, admin: psycopg.Connection) -> None:
    """A staged table dropped by somebody else stops the swap before it begins."""
    promoted(destination, 1)
    group = staged(destination, 2)
    admin.execute("DROP TABLE monday__boardlift.planning__g2")
    with pytest.raises(DestinationError, match="planning__g2"):
        destination.promote("run", [group])
    assert live_name(destination) == "g1"


def test_a_prepared_transaction_in_the_way_is_named(destination: Postgres, postgres_url: str) -> None:
    """It has no session that could be asked or ended: its name is what a person needs."""
    promoted(destination, 1)
    with psycopg.connect(postgres_url, autocommit=True) as blocker:
        blocker.execute("BEGIN; SELECT count(*) FROM monday.planning; PREPARE TRANSACTION 'forgotten'")
        try:
            with pytest.raises(PromotionConflict) as caught:
                promoted(destination, 2)
        finally:
            blocker.execute("ROLLBACK PREPARED 'forgotten'")
    assert "prepared transaction forgotten of user postgres" in caught.value.message
    assert "ROLLBACK PREPARED" in caught.value.message
    promoted(destination, 3)
    assert live_name(destination) == "g3"


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_long_reader_of_a_view_delays_the_swap_and_nobody_else(
    destination: Postgres, postgres_url: str, admin: psycopg.Connection, way: Replace
) -> None:
    """Who holds a view on the live table is waited for; others read through it meanwhile. A refill waits for nobody."""
    destination.promote("run", [replace(staged(destination, 1), replace=way)])
    admin.execute("CREATE VIEW public.one AS SELECT name FROM monday.planning")
    patient = Postgres(postgres_url, "monday", policy=SwapPolicy(patience=20))
    group = replace(staged(patient, 2), replace=way)
    waits: list[float] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            while not stop.is_set():
                started = time.monotonic()
                assert connection.execute("SELECT count(*) FROM public.one").fetchall() == [(3,)]
                waits.append(time.monotonic() - started)

    reader = threading.Thread(target=read)
    with psycopg.connect(postgres_url) as blocker:
        blocker.execute("SELECT count(*) FROM public.one")
        reader.start()
        leave = threading.Timer(1.0, blocker.rollback)
        leave.start()
        outcome = patient.promote("run", [group])
        leave.join()
    stop.set()
    reader.join()
    patient.close()
    assert (outcome.attempts > 1) is (way is Replace.SWAP)
    assert outcome.blocked_ms < 250
    assert max(waits) < 0.5
    assert live_name(destination) == "g2"
