"""Names belong to ids for ever; titles come and go."""

from __future__ import annotations

import sqlite3

import pytest

from boardlift.errors import BoardliftError
from boardlift.ledger import Ledger


def test_names_come_back_by_key(ledger, path, clock):
    """Bound once, read by every later process."""
    ledger.bind_columns("1", {("status", ""): "state", ("status", "index"): "state_index"})
    ledger.bind_tables({("1", "", ""): "planning", ("1", "people", "links"): "planning_people"})
    with Ledger.open(path, clock) as other:
        assert other.bound_columns("1") == {("status", ""): "state", ("status", "index"): "state_index"}
        assert other.bound_columns("2") == {}
        assert other.bound_tables() == {("1", "", ""): "planning", ("1", "people", "links"): "planning_people"}


def test_binding_the_same_name_again_changes_nothing(ledger):
    """Every run may bind all it knows."""
    ledger.bind_columns("1", {("a", ""): "x"})
    before = ledger.events()
    ledger.bind_columns("1", {("a", ""): "x"})
    assert ledger.events() == before


def test_a_bound_key_keeps_its_name(ledger):
    """And nothing else of the same call is bound."""
    ledger.bind_columns("1", {("a", ""): "x"})
    with pytest.raises(BoardliftError, match="called x already and cannot become y"):
        ledger.bind_columns("1", {("b", ""): "z", ("a", ""): "y"})
    assert ledger.bound_columns("1") == {("a", ""): "x"}


@pytest.mark.parametrize("name", ["x", "X"])
def test_column_names_are_distinct_per_board(ledger, name):
    """Engines do not tell upper from lower case; neither does the registry. Another board is another world."""
    ledger.bind_columns("1", {("a", ""): "x"})
    with pytest.raises(BoardliftError, match=rf"cannot be called {name}: that is The name of board 1, column a"):
        ledger.bind_columns("1", {("b", ""): name})
    ledger.bind_columns("2", {("b", ""): name})


def test_table_names_are_distinct_over_all_boards(ledger):
    """One namespace holds all tables."""
    ledger.bind_tables({("1", "", ""): "planning"})
    with pytest.raises(BoardliftError, match="cannot be called planning"):
        ledger.bind_tables({("2", "", ""): "planning"})


def test_two_keys_of_one_call_cannot_share_a_name(ledger):
    """All or none."""
    with pytest.raises(BoardliftError, match="cannot be called x"):
        ledger.bind_columns("1", {("a", ""): "x", ("b", ""): "x"})
    assert ledger.bound_columns("1") == {}


def test_a_column_and_a_table_may_share_a_name(ledger):
    """They never meet."""
    ledger.bind_columns("1", {("a", ""): "planning"})
    ledger.bind_tables({("1", "", ""): "planning"})
    assert (ledger.bound_columns("1"), ledger.bound_tables()) == (
        {("a", ""): "planning"},
        {("1", "", ""): "planning"},
    )


def test_rebinding_is_an_event_with_a_reason(ledger):
    """A person's override changes the name and says so; the old name is free again."""
    ledger.bind_columns("1", {("a", ""): "x"})
    ledger.rebind_columns("1", {("a", ""): "y"}, "boardlift.yaml names it y")
    ledger.bind_columns("1", {("b", ""): "x"})
    assert ledger.bound_columns("1") == {("a", ""): "y", ("b", ""): "x"}
    rebound = [event for event in ledger.events("1") if event.event == "rebound"]
    assert [event.detail for event in rebound] == ["column a/ is y: boardlift.yaml names it y"]


def test_names_can_be_exchanged(ledger):
    """Two tables swap their names in one call."""
    ledger.bind_tables({("1", "", ""): "a", ("2", "", ""): "b"})
    ledger.rebind_tables({("1", "", ""): "b", ("2", "", ""): "a"}, "swapped on purpose")
    assert ledger.bound_tables() == {("1", "", ""): "b", ("2", "", ""): "a"}


def test_a_name_can_come_back(ledger):
    """From x to y and to x again, each time with a reason."""
    ledger.bind_columns("1", {("a", ""): "x"})
    ledger.rebind_columns("1", {("a", ""): "y"}, "first")
    ledger.rebind_columns("1", {("a", ""): "x"}, "second")
    assert ledger.bound_columns("1") == {("a", ""): "x"}


def test_rebinding_to_a_taken_name_changes_nothing(ledger):
    """The old name stays in force."""
    ledger.bind_columns("1", {("a", ""): "x", ("b", ""): "y"})
    with pytest.raises(BoardliftError, match="cannot be called y"):
        ledger.rebind_columns("1", {("a", ""): "y"}, "why not")
    assert ledger.bound_columns("1") == {("a", ""): "x", ("b", ""): "y"}


def test_rebinding_to_the_same_name_is_nothing(ledger):
    """An override that is already in force leaves no trace at every run."""
    ledger.bind_columns("1", {("a", ""): "x"})
    before = ledger.events()
    ledger.rebind_columns("1", {("a", ""): "x"}, "as in boardlift.yaml")
    assert ledger.events() == before


def test_rebinding_needs_a_reason(ledger):
    """Blank is none."""
    with pytest.raises(ValueError, match="needs a reason"):
        ledger.rebind_columns("1", {("a", ""): "x"}, "  ")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE names SET name = 'other'",
        "UPDATE names SET retired_at = 'now', name = 'other'",
        "DELETE FROM names",
        "INSERT OR REPLACE INTO names (id, scope, board_id, column_id, facet, name, bound_at)"
        " VALUES (1, 'column', '1', 'a', '', 'other', '')",
        "INSERT OR REPLACE INTO names (scope, board_id, column_id, facet, name, bound_at, reason)"
        " VALUES ('column', '1', 'b', '', 'X', '', 'r')",
        "INSERT INTO names (scope, board_id, column_id, facet, name, bound_at) VALUES ('column', '1', 'z', '', '', '')",
    ],
)
def test_the_database_guards_names_itself(ledger, sql):
    """No SQL changes or steals a name in place."""
    ledger.bind_columns("1", {("a", ""): "x"})
    with pytest.raises(sqlite3.IntegrityError):
        ledger._store.connection.execute(sql)
    assert ledger.bound_columns("1") == {("a", ""): "x"}


def test_a_retired_name_is_not_replaced_in_silence(ledger):
    """Retiring and binding behind the registry's back stops at the missing reason."""
    ledger.bind_columns("1", {("a", ""): "x"})
    ledger._store.connection.execute("UPDATE names SET retired_at = 'now'")
    with pytest.raises(BoardliftError, match="needs a reason"):
        ledger.bind_columns("1", {("a", ""): "y"})


def test_titles_are_kept_with_their_history(ledger, clock):
    """A renamed title changes the label and adds a line; seeing the same again adds nothing."""
    ledger.record_labels("1", {"": "Planning", "status": "State"})
    clock.sleep(60)
    ledger.record_labels("1", {"": "Planning", "status": "Zustand"})
    ledger.record_labels("1", {"": "Planning", "status": "Zustand"})
    assert ledger.labels("1") == {"": "Planning", "status": "Zustand"}
    assert [(label.column_id, label.title) for label in ledger.label_history("1")] == [
        ("", "Planning"),
        ("status", "State"),
        ("status", "Zustand"),
    ]
    assert ledger.label_history("1")[-1].seen_at == clock.now()
    assert [event.detail for event in ledger.events("1")] == ["status: State became Zustand"]


@pytest.mark.parametrize("title", ["'; DROP TABLE names; --", "", "\x00", "🎉" * 1000, "\ud83c"])
def test_any_title_can_be_a_label(ledger, title):
    """Seen twice, written once."""
    ledger.record_labels("1", {"a": title})
    ledger.record_labels("1", {"a": title})
    assert len(ledger.label_history("1")) == 1


def test_processes_bind_at_once(ledger, spawn, heard):
    """Two processes race for one key: both may bind the same name, a name for another key goes to one of them."""
    code = """
from boardlift.errors import BoardliftError
say("ready")
won = 0
for n in range(40):
    ledger.bind_tables({("shared", str(n), ""): f"t{n}"})
    try:
        ledger.bind_tables({(sys.argv[2], str(n), ""): f"only{n}"})
        won += 1
    except BoardliftError:
        pass
say(won)
"""
    others = [spawn(code, name) for name in ("a", "b")]
    assert [heard(process) for process in others] == ["ready", "ready"]
    assert sum(int(heard(process)) for process in others) == 40
    assert len(ledger.bound_tables()) == 80
