"""Edits are seen by the next reader, and move what they move at monday."""

from __future__ import annotations

import json

import pytest

from boardlift.sandbox import Account

COLUMNS = "query($b:[ID!]){boards(ids:$b){name columns{id title type}}}"
ITEMS = (
    "query($i:[ID!]){items(ids:$i,limit:100){id name state updated_at group{id} board{id}"
    " column_values{id text value}}}"
)


@pytest.fixture
def board(ask):
    """A board of a running account."""
    return ask.start().account.board("Inventory")


def columns(ask, board) -> dict[str, tuple[str, str]]:
    """Title and type by column id."""
    found = ask.data(COLUMNS, b=[board.id])["boards"][0]["columns"]
    return {column["id"]: (column["title"], column["type"]) for column in found}


def test_columns_come_change_and_go(ask, board) -> None:
    """Added, renamed, retyped, deleted through the control door; no item counts as changed."""
    before = [item.updated_at for item in board.active_items()]
    new = ask.control("add_column", board=board.id, type="numbers", title="Zusatz")
    assert columns(ask, board)[new] == ("Zusatz", "numbers")
    filled = [board.truth(item, new)[""] is not None for item in board.active_items()]
    assert 0 < sum(filled) < len(filled) / 3
    ask.control("rename_column", board=board.id, column=new, title="Extra")
    ask.control("retype_column", board=board.id, column=new, type="text")
    assert columns(ask, board)[new] == ("Extra", "text")
    ask.control("delete_column", board=board.id, column=new)
    assert new not in columns(ask, board)
    assert [item.updated_at for item in board.active_items()] == before


def test_a_retyped_column_answers_with_its_new_type(ask, board) -> None:
    """What was rendered before is not shown again."""
    column = next(row for row in board.columns if row.type == "numbers")
    query = "query($b:[ID!],$c:[String!]){boards(ids:$b){items_page{items{column_values(ids:$c){__typename type}}}}}"
    for expected in ("NumbersValue", "DateValue"):
        items = ask.data(query, b=[board.id], c=[column.id])["boards"][0]["items_page"]["items"]
        assert {item["column_values"][0]["__typename"] for item in items} == {expected}
        ask.control("retype_column", board=board.id, column=column.id, type="date")


def test_a_changed_value_is_seen_and_moves_updated_at(ask, board) -> None:
    """The item, and only it, is newer; the truth agrees with the answer."""
    item = board.item(4)
    text = next(row for row in board.columns if row.type == "text")
    status = next(row for row in board.columns if row.type == "status")
    label = status.settings["labels"][1]["label"]
    ask.data(ITEMS, i=[item.id])
    ask.control("change_item", item=item.id, values={text.id: "neu\u0000", status.id: label})
    answer = ask.data(ITEMS, i=[item.id])["items"][0]
    values = {value["id"]: value["text"] for value in answer["column_values"]}
    assert (values[text.id], values[status.id]) == ("neu\u0000", label)
    assert board.truth(item, text) == {"": "neu"}
    assert board.item(4).updated_at > item.updated_at
    assert answer["updated_at"] == f"{board.item(4).updated_at:%Y-%m-%dT%H:%M:%SZ}"


def test_a_second_edit_replaces_the_first(ask, board) -> None:
    """Edits are not remembered as they were rendered."""
    item, text = board.item(4), next(row for row in board.columns if row.type == "text")
    seen = []
    for value in ("one", "two", None):
        ask.control("change_item", item=item.id, values={text.id: value})
        cells = ask.data(ITEMS, i=[item.id])["items"][0]["column_values"]
        seen.append(next(cell["text"] for cell in cells if cell["id"] == text.id))
    assert seen == ["one", "two", ""]


def test_an_impossible_value_is_refused_and_changes_nothing(ask, board) -> None:
    """A label that the column does not have."""
    status = next(row for row in board.columns if row.type == "status")
    before = board.item(4)
    with pytest.raises(AssertionError, match="no label"):
        ask.control("change_item", item=before.id, values={status.id: "no such label"})
    assert board.item(4) == before


def test_items_come_move_and_go(ask, board) -> None:
    """Added at the end, moved to a group, archived, deleted: listed only while active, found by id with their state."""
    new = ask.control("add_items", board=board.id, n=2)
    ask.control("move_item", item=new[0], group=board.groups[2].id)
    ask.control("rename_item", item=new[0], name="Neu 🚀")
    ask.control("archive_item", item=new[1])
    found = ask.data(ITEMS, i=new)["items"]
    assert [(row["name"], row["state"], row["group"]["id"]) for row in found] == [
        ("Neu 🚀", "active", board.groups[2].id),
        (found[1]["name"], "archived", board.groups[0].id),
    ]
    assert [item.id for item in board.active_items()][-1] == new[0]
    ask.control("delete_item", item=new[0])
    assert ask.data(ITEMS, i=new)["items"][0]["state"] == "deleted"


def test_an_item_keeps_its_id_on_another_board(ask, board) -> None:
    """It leaves one board's pages and appears in the other's."""
    target = ask.sandbox.account.board("Hostile titles")
    item = board.item(2)
    ask.control("move_item", item=item.id, board=target.id)
    answer = ask.data(ITEMS, i=[item.id])["items"][0]
    assert (answer["board"]["id"], answer["name"]) == (str(target.id), item.name)
    assert item.id not in [row.id for row in board.active_items()]
    assert target.item(target.place_of(item.id)).created_at == item.created_at
    ask.control("rename_item", item=item.id, name="there")
    assert ask.data(ITEMS, i=[item.id])["items"][0]["name"] == "there"


def test_a_deleted_item_takes_its_subitems_with_it(ask) -> None:
    """And items_count counts what is left."""
    account = ask.start().account
    board, child = account.board("Bugs & Requests"), account.board("Subitems of Bugs & Requests")
    before = len(list(child.active_items()))
    account.delete_item(board.item_id(0))
    query = "query($b:[ID!]){boards(ids:$b){id items_count}}"
    counts = {row["id"]: row["items_count"] for row in ask.data(query, b=[board.id, child.id])["boards"]}
    assert counts == {str(board.id): board.base - 1, str(child.id): before - 2}


def test_a_renamed_item_is_renamed_where_it_is_shown(ask) -> None:
    """Connect columns and mirrors show names of today, also when they were rendered before."""
    account = ask.start().account
    board, target = account.board("Inventory"), account.board("Factories")
    relation = next(row for row in board.columns if row.type == "board_relation")
    query = (
        "query($i:[ID!],$c:[String!]){items(ids:$i){column_values(ids:$c){... on"
        " BoardRelationValue{display_value linked_item_ids}}}}"
    )
    item = next(row for row in board.active_items() if board.truth(row, relation)["links"])
    linked = board.truth(item, relation)["links"][0]["linked_item_id"]
    ask.data(query, i=[item.id], c=[relation.id])
    account.rename_item(linked, "Werk Süd")
    value = ask.data(query, i=[item.id], c=[relation.id])["items"][0]["column_values"][0]
    assert "Werk Süd" in value["display_value"]
    account.delete_item(linked)
    value = ask.data(query, i=[item.id], c=[relation.id])["items"][0]["column_values"][0]
    assert str(linked) not in value["linked_item_ids"]
    assert target.place_of(linked) is not None


def test_boards_are_renamed_and_deleted(ask, board) -> None:
    """A deleted board is gone from the default list and there among the deleted."""
    ask.control("rename_board", board=board.id, name="Lager")
    assert ask.data(COLUMNS, b=[board.id])["boards"][0]["name"] == "Lager"
    ask.control("delete_board", board=board.id)
    assert ask.data(COLUMNS, b=[board.id])["boards"] == []
    assert ask.data("query($b:[ID!]){boards(ids:$b,state:deleted){state}}", b=[board.id])["boards"] == [
        {"state": "deleted"}
    ]


def test_the_activity_log_tells_what_happened_newest_first(ask, board) -> None:
    """Event names, 17-digit times, data as a JSON string."""
    item = board.item_id(1)
    ask.control("rename_item", item=item, name="x")
    ask.control("delete_item", item=item)
    query = "query($b:[ID!]){boards(ids:$b){activity_logs(limit:2){event entity created_at data}}}"
    logs = ask.data(query, b=[board.id])["boards"][0]["activity_logs"]
    assert [row["event"] for row in logs] == ["delete_pulse", "update_name"]
    assert len(logs[0]["created_at"]) == 17
    assert json.loads(logs[0]["data"])["pulse_id"] == item


def test_a_misfit_is_put_only_where_asked(ask, board) -> None:
    """A number that is none: its text is shown and the truth knows it is a misfit."""
    numbers = next(row for row in board.columns if row.type == "numbers")
    date = next(row for row in board.columns if row.type == "date")
    item = board.item(5)
    ask.control("misfit", item=item.id, column=numbers.id)
    ask.control("misfit", item=item.id, column=date.id)
    cells = {cell["id"]: cell for cell in ask.data(ITEMS, i=[item.id])["items"][0]["column_values"]}
    assert cells[numbers.id]["text"] == "n/a"
    assert json.loads(cells[date.id]["value"])["date"] == "2026-02-31"
    assert board.truth(item, numbers) == {"": None, "misfit": "n/a"}
    misfits = [
        row for row in board.active_items() for column in board.value_columns() if "misfit" in board.truth(row, column)
    ]
    assert len(misfits) == 2


def test_time_advances_on_request(ask) -> None:
    """The clock may be injected, and moves by the control door."""
    account = ask.start(Account(size=0.02, clock=lambda: 1_900_000_000.0)).account
    assert ask.control("advance", seconds=90) == account.now() == 1_900_000_090.0


def test_an_unknown_operation_is_named(ask) -> None:
    """The answer lists what there is."""
    ask.start()
    with pytest.raises(AssertionError, match="add_items"):
        ask.control("explode")
