"""From a board to its tables: names, types, overrides."""

from __future__ import annotations

import pytest

from boardlift.errors import ConfigError
from boardlift.monday.model import Board, BoardColumn, Group
from boardlift.normalize.boards import BoardPlan, plan_board
from boardlift.normalize.names import TableNames
from boardlift.settings import BoardSettings, ColumnSettings, IndexSettings
from boardlift.shape.table import Index

GROUPS = (Group(id="topics", title="Topics"),)


def board(*columns: tuple[str, str, str], name: str = "Planning") -> Board:
    """A board with (id, title, type) columns."""
    made = tuple(BoardColumn(id=i, title=t, type=k) for i, t, k in columns)
    return Board(id="7", name=name, columns=made, groups=GROUPS)


def planned(
    given: Board,
    bound: dict[tuple[str, str], str] | None = None,
    settings: BoardSettings | None = None,
    types: dict[str, str] | None = None,
) -> BoardPlan:
    return plan_board(given, settings or BoardSettings(id=7), types or {}, bound or {}, TableNames({}))


def names(plan: BoardPlan) -> dict[str, str]:
    """SQL names and types of the columns that came from board columns."""
    return {facet.column.name: str(facet.column.type) for column in plan.columns for facet in column.facets}


def test_a_status_becomes_label_and_index() -> None:
    """Two columns, and a labels table beside the board's own."""
    plan = planned(board(("status_1", "Priority", "status")))
    assert names(plan) == {"priority": "text", "priority_index": "integer"}
    assert plan.labels is not None
    assert plan.labels.name == "planning__labels"


def test_names_survive_a_renamed_title() -> None:
    """What is bound stays; only the label follows the title."""
    first = planned(board(("c1", "Due", "date")))
    second = planned(board(("c1", "Deadline 🎯", "date")), bound=dict(first.fresh_names))
    assert names(second) == names(first) == {"due": "date", "due_at": "timestamp"}
    assert second.columns[0].facets[0].column.label == "Deadline 🎯"
    assert second.fresh_names == {}


def test_ten_columns_of_one_title_have_ten_names() -> None:
    """Duplicates are told apart by the column's id."""
    plan = planned(board(*[(f"c{n}", "Status", "text") for n in range(10)]))
    assert sorted(names(plan)) == ["status", *(f"status_c{n}" for n in range(1, 10))]


def test_board_columns_never_take_a_base_name() -> None:
    """A column titled like one of ours gets a name of its own."""
    plan = planned(board(("t1", "Item ID", "text"), ("t2", "Created at", "text")))
    assert list(names(plan)) == ["item_id_t1", "created_at_t2"]


def test_a_facet_never_collides_with_a_title() -> None:
    """`Priority index` is a title that people use, and `priority_index` a name that we make."""
    plan = planned(board(("s", "Priority", "status"), ("t", "Priority index", "text")))
    assert len({column.name for column in plan.group.main.columns}) == len(plan.group.main.columns)


def test_long_titles_stay_within_the_limits() -> None:
    """63 bytes for columns, 50 for tables, so that the generation's suffix fits."""
    long = "very long title " * 30
    plan = planned(board(("c1", long, "status"), ("c2", long, "people"), name=long))
    assert all(len(column.name) <= 63 for table in plan.group.tables for column in table.columns)
    assert all(len(table.name) <= 50 for table in plan.group.tables)
    assert len({table.name for table in plan.group.tables}) == len(plan.group.tables)


def test_an_unknown_type_becomes_json_and_is_reported() -> None:
    """Nothing is dropped because it is new."""
    plan = planned(board(("x", "Future", "hologram")))
    assert names(plan) == {"future": "json"}
    assert [column.id for column in plan.unknown] == ["x"]
    assert plan.selection.value


def test_only_needed_columns_and_scalars_are_asked() -> None:
    """Excluded and unreadable columns are not in the query; fields are those of the families present."""
    settings = BoardSettings(id=7, columns={"b": ColumnSettings(exclude=True)})
    plan = planned(
        board(("name", "Name", "name"), ("a", "A", "status"), ("b", "B", "text"), ("n", "#", "auto_number")),
        settings=settings,
    )
    assert plan.selection.column_ids == ("a",)
    assert plan.selection.fragments == (("StatusValue", ("index", "label")),)
    assert [column.id for column in plan.excluded] == ["b"]
    assert [column.id for column in plan.unreadable] == ["n"]


def test_overrides_win_over_type_defaults() -> None:
    """Column override, then type default, then the family's own type."""
    columns = board(("a", "A", "numbers"), ("b", "B", "numbers"), ("c", "C", "text"))
    settings = BoardSettings(id=7, columns={"a": ColumnSettings(type="decimal(9,2)", name="amount")})
    assert names(planned(columns, settings=settings, types={"numbers": "double"})) == {
        "amount": "decimal(9,2)",
        "b": "double",
        "c": "text",
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (ColumnSettings(type="date"), {"due": "date"}),
        (ColumnSettings(type="timestamp"), {"due": "timestamp"}),
        (ColumnSettings(type="text"), {"due": "text"}),
        (ColumnSettings(field="at"), {"due": "timestamp"}),
        (ColumnSettings(field="value"), {"due": "json"}),
    ],
)
def test_a_date_can_be_one_column(said: ColumnSettings, expected: dict[str, str]) -> None:
    """By type or by part, as the person wishes."""
    plan = planned(board(("d", "Due", "date")), settings=BoardSettings(id=7, columns={"d": said}))
    assert names(plan) == expected


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"nope": ColumnSettings(exclude=True)}, "has no column 'nope'"),
        ({"a": ColumnSettings(field="nope")}, "no part called 'nope'"),
        ({"a": ColumnSettings(name="Not A Name")}, "cannot be a column name"),
        ({"a": ColumnSettings(name="item_id")}, "belongs to another column"),
    ],
)
def test_wrong_overrides_are_explained(columns: dict[str, ColumnSettings], words: str) -> None:
    """A typo in boardlift.yaml is an error that names the board and the column, not a surprise at midnight."""
    with pytest.raises(ConfigError, match=words) as caught:
        planned(board(("a", "A", "status")), settings=BoardSettings(id=7, columns=columns))
    assert caught.value.hint


def test_settings_of_a_deleted_column_do_no_harm() -> None:
    """A column that was lifted before and is gone is drift, not a mistake."""
    settings = BoardSettings(id=7, columns={"gone": ColumnSettings(exclude=True)})
    plan = planned(board(("a", "A", "text")), bound={("gone", ""): "gone"}, settings=settings)
    assert names(plan) == {"a": "text"}


def test_a_mirror_links_through_its_connect_column() -> None:
    """Its link table holds the linked items, so that exact values are one join away."""
    relation = BoardColumn(id="rel", title="Customer", type="board_relation")
    mirror = BoardColumn(id="mir", title="Region", type="mirror", settings={"relation_column": {"rel": True}})
    plan = planned(Board(id="7", name="Planning", columns=(relation, mirror), groups=GROUPS))
    link = plan.columns[1].link_table
    assert link is not None
    assert [column.name for column in link.columns] == ["item_id", "ordinal", "linked_item_id"]


def indexed(*wanted: list[str] | IndexSettings, bound: dict[tuple[str, str], str] | None = None) -> tuple[Index, ...]:
    given = board(("status_1", "Priority", "status"), ("date4", "Due", "date"))
    return planned(given, bound, BoardSettings(id=7, indexes=list(wanted))).group.main.indexes


def test_an_index_is_asked_for_by_name_or_column_id() -> None:
    """A column id means its first SQL column; the same index twice is one."""
    assert indexed(["priority"], IndexSettings(columns=["date4", "group_id"], unique=True), ["status_1"]) == (
        Index(("priority",)),
        Index(("due", "group_id"), unique=True),
    )


def test_an_index_on_an_unknown_column_lists_the_known_ones() -> None:
    """By SQL name and by column id."""
    with pytest.raises(ConfigError, match="'prio'") as caught:
        indexed(["prio"])
    assert "priority, priority_index, due, due_at" in caught.value.hint
    assert "status_1, date4" in caught.value.hint


def test_an_index_on_a_deleted_column_goes_with_it() -> None:
    """The board lost the column: that is drift, not a mistake in boardlift.yaml."""
    assert indexed(["gone"], ["text9"], ["due"], bound={("text9", ""): "gone"}) == (Index(("due",)),)


def test_a_pattern_indexes_the_boards_that_have_the_columns() -> None:
    """Not every board that fits `match` has them."""
    plan = planned(board(("a", "A", "text")), settings=BoardSettings(match="*", indexes=[["a"], ["b"], ["a", "b"]]))
    assert plan.group.main.indexes == (Index(("a",)),)


def test_link_tables_are_indexed_by_what_they_link_to() -> None:
    """A join from the linked side need not read all rows."""
    plan = planned(board(("people", "Owner", "people"), ("files", "Files", "file")))
    found = {table.name: (table.key, table.indexes) for table in plan.group.others}
    assert found["planning__owner"] == (("item_id", "ordinal"), (Index(("id",)),))
    assert found["planning__groups"] == (("group_id",), ())
