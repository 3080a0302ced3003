"""What changes without moving an item's `updated_at`, and the activity log: filtered, late, with gaps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from boardlift.sandbox import Account

ITEMS = (
    "query($i:[ID!]){items(ids:$i,limit:100)"
    "{id state updated_at column_values{id text ...on MirrorValue{display_value}}}}"
)
NEWEST = (
    "query($b:[ID!]){boards(ids:$b){items_page(limit:500,query_params:"
    '{order_by:[{column_id:"__last_updated__",direction:desc}]}){items{id updated_at}}}}'
)
LOGS = (
    "query($b:[ID!],$from:ISO8601DateTime,$to:ISO8601DateTime,$i:[ID!],$c:[String],$g:[String],$u:[ID!],$n:Int){"
    "boards(ids:$b){activity_logs(from:$from,to:$to,item_ids:$i,column_ids:$c,group_ids:$g,user_ids:$u,limit:$n)"
    "{event created_at data}}}"
)


def texts(ask, item: int, column: str) -> str | None:
    """What an item shows in a column."""
    values = ask.data(ITEMS, i=[item])["items"][0]["column_values"]
    found = next(value for value in values if value["id"] == column)
    return found.get("display_value") or found["text"]


def events(ask, board, **arguments: object) -> list[str]:
    """The events of a board's log, newest first."""
    rows = ask.data(LOGS, b=[board.id], **{"n": 10_000, **arguments})["boards"][0]["activity_logs"]
    return [row["event"] for row in rows]


@pytest.mark.parametrize("state", ["archive_item", "delete_item"])
def test_an_item_comes_back_with_its_subitems(ask, state: str) -> None:
    """Archived or deleted, it is listed again; `updated_at` moves or not, as one asks; what left before stays away."""
    account = ask.start().account
    board, child = account.board("Bugs & Requests"), account.board("Subitems of Bugs & Requests")
    item, below = board.item_id(0), child.places_under(0)
    before = board.item(0).updated_at
    ask.control("rename_item", item=child.item_id(below[0]), name="x")
    ask.control(state, item=item)
    assert child.places_under(0) == []
    moved = board.item(0).updated_at
    assert moved > before
    account.advance(100)
    ask.control("restore_item", item=item, touch=False)
    assert (board.state_of(0), child.places_under(0), board.item(0).updated_at) == ("active", below, moved)
    ask.control(state, item=item)
    account.advance(100)
    ask.control("restore_item", item=item)
    assert board.item(0).updated_at > moved
    assert events(ask, board, i=[item])[0] == "restore_pulse"
    with pytest.raises(AssertionError, match="neither"):
        ask.control("restore_item", item=item)


def test_a_duplicated_board_has_new_ids_old_dates_and_the_same_values(ask) -> None:
    """Every cell equals the source's; the newest change is older than the duplicate itself; nothing is logged."""
    account = ask.start().account
    for name in ("Inventory", "Master Production Planning", "Content calendar 📅"):
        source = account.board(name)
        account.delete_item(source.item_id(5))
        account.move_item(source.item_id(6), board="Factories")
        text = next(column for column in source.columns if column.type == "text")
        account.change_item(source.item_id(7), {text.id: "edited"})
        account.add_items(source.id, 2)
        identity = ask.control("duplicate_board", board=source.id, older_by=86_400)
        made = account.board(identity)
        assert made.name == f"Duplicate of {name}"
        old, new = list(source.active_items()), list(made.active_items())
        assert len(new) == len(old)
        assert {item.id for item in new}.isdisjoint({item.id for item in old})
        day = timedelta(days=1)
        assert [(i.name, i.group_id, i.created_at + day, i.updated_at + day, i.creator_id) for i in new] == [
            (i.name, i.group_id, i.created_at, i.updated_at, i.creator_id) for i in old
        ]
        same = [
            c for c in source.value_columns() if c.type not in ("item_id", "creation_log", "last_updated", "subtasks")
        ]
        for column in same:
            cells = [made.truth(item, column.id) for item in new]
            assert cells == [source.truth(item, column) for item in old], column.id
        newest = ask.data(NEWEST, b=[made.id])["boards"][0]["items_page"]["items"][0]
        assert datetime.fromisoformat(newest["updated_at"]) < datetime.fromtimestamp(made.created_at, UTC)
        assert events(ask, made) == []
        assert made.place_of(made.item_id(5)) is None


def test_a_renamed_label_shows_everywhere_and_moves_nothing(ask) -> None:
    """Drawn cells, edited cells and the mirror on another board; the duplicate of the board keeps the old label."""
    account = ask.start().account
    board = account.board("Factories")
    status = next(column for column in board.columns if column.type == "status")
    used = {board.truth(item, status)["index"] for item in board.active_items()}
    label = next(row for row in status.settings["labels"] if row["label"] and row["id"] in used)
    customers = account.board("Customer Master Schedule")
    mirror = next(
        column for column in customers.columns if column.type == "mirror" and column.title.startswith(status.title)
    )
    drawn = next(p for p in board.active() if board.truth(board.item(p), status)["index"] == label["id"])
    edited = next(p for p in board.active() if board.truth(board.item(p), status)["index"] != label["id"])
    account.change_item(board.item_id(edited), {status.id: label["label"]})
    shown = next(i for i in customers.active_items() if str(label["label"]) in str(customers.truth(i, mirror)[""]))
    assert str(label["label"]) in str(texts(ask, shown.id, mirror.id))
    copy = account.board(account.duplicate_board(board.id))
    before = {item.id: item.updated_at for held in (board, customers) for item in held.active_items()}
    old = label["label"]
    account.advance(500)
    ask.control("rename_label", board=board.id, column=status.id, label=old, text="Ganz neu")
    assert texts(ask, board.item_id(drawn), status.id) == texts(ask, board.item_id(edited), status.id) == "Ganz neu"
    assert "Ganz neu" in str(texts(ask, shown.id, mirror.id))
    assert texts(ask, copy.item_id(edited), status.id) == old
    assert before == {item.id: item.updated_at for held in (board, customers) for item in held.active_items()}
    dropdown = next(column for column in account.board("Inventory").columns if column.type == "dropdown")
    ask.control("rename_label", board="Inventory", column=dropdown.id, label=1, text="Eins")
    values = {
        text
        for i in account.board("Inventory").active_items()
        for text in str(account.board("Inventory").truth(i, dropdown)[""]).split(", ")
    }
    assert "Eins" in values


def test_a_renamed_user_shows_in_people_columns_and_moves_nothing(ask) -> None:
    """The text of every cell with the person, the users and the truth; no item is newer."""
    account = ask.start().account
    board = account.board("Customer Master Schedule")
    people = next(column for column in board.columns if column.type == "people")
    first = next(i for i in board.active_items() if board.truth(i, people)["links"])
    identity = str(board.truth(first, people)["links"][0]["id"])
    user = next(row for row in account.world.users if row["id"] == identity)
    held = [i for i in board.active_items() if str(user["name"]) in str(board.truth(i, people)[""])]
    assert held
    texts(ask, held[0].id, people.id)
    before = [item.updated_at for item in board.active_items()]
    account.advance(500)
    ask.control("rename_user", user=user["id"], name="Zoë Neu")
    assert all("Zoë Neu" in str(texts(ask, item.id, people.id)) for item in held)
    assert all("Zoë Neu" in str(board.truth(item, people)[""]) for item in held)
    assert ask.data("query($i:[ID!]){users(ids:$i){name}}", i=[user["id"]])["users"] == [{"name": "Zoë Neu"}]
    assert [item.updated_at for item in board.active_items()] == before


def test_a_mirror_follows_its_source_and_its_item_does_not_move(ask) -> None:
    """The linked item's value changes: the mirror shows it, `updated_at` of the mirroring item stays."""
    account = ask.start().account
    source, board = account.board("Factories"), account.board("Inventory")
    mirror = next(column for column in board.columns if column.type == "mirror")
    relation = next(column for column in board.columns if column.type == "board_relation")
    item = next(i for i in board.active_items() if board.truth(i, relation)["links"])
    linked = board.truth(item, relation)["links"][0]["linked_item_id"]
    country = next(column for column in source.columns if column.type == "country")
    texts(ask, item.id, mirror.id)
    ask.control("change_item", item=linked, values={country.id: None})
    one = texts(ask, item.id, mirror.id)
    ask.control("change_item", item=linked, values={country.id: {"code": "IS", "name": "Iceland"}})
    assert "Iceland" in str(texts(ask, item.id, mirror.id))
    assert "Iceland" not in str(one)
    assert board.item(item.place).updated_at == item.updated_at


def test_a_move_may_leave_updated_at_alone(ask) -> None:
    """Into a group and to another board, where the item then comes with an old date."""
    account = ask.start().account
    board, other = account.board("Inventory"), account.board("Factories")
    before = board.item(3).updated_at
    account.advance(500)
    ask.control("move_item", item=board.item_id(3), group=board.groups[2].id, touch=False)
    assert (board.group_of(3), board.item(3).updated_at) == (board.groups[2].id, before)
    item = board.item_id(3)
    ask.control("move_item", item=item, board=other.id, touch=False)
    assert other.item(other.place_of(item)).updated_at == before


def test_the_log_is_filtered_by_time_item_column_group_and_user(ask) -> None:
    """Both ends of a time are included; an id is not a prefix of another; filters are joined by AND."""
    account = ask.start(Account.many(boards=1, items=9, columns=4)).account
    board = account.boards[0]
    status = next(c for c in board.columns if c.type == "status")
    one, two = board.item_id(0), board.item_id(1)
    ask.control("rename_item", item=one, name="a")
    account.advance(10)
    ask.control("change_item", item=two, values={status.id: None})
    at = int(ask.data(LOGS, b=[board.id])["boards"][0]["activity_logs"][0]["created_at"]) / 10_000_000
    account.advance(10)
    ask.control("move_item", item=one, group=board.groups[1].id)
    ask.control("add_column", board=board.id, type="text", title="new")
    assert events(ask, board) == ["create_column", "move_pulse_into_group", "update_column_value", "update_name"]
    assert events(ask, board, i=[one]) == ["move_pulse_into_group", "update_name"]
    assert events(ask, board, i=[str(one)[:-1]]) == []
    assert events(ask, board, c=[status.id], i=[two]) == ["update_column_value"]
    assert events(ask, board, g=[board.groups[1].id]) == ["move_pulse_into_group"]
    assert events(ask, board, u=[account.world.users[0]["id"]], n=2) == ["create_column", "move_pulse_into_group"]
    assert events(ask, board, u=["1"]) == []
    moment = datetime.fromtimestamp(at, UTC)
    early, late = (f"{moment + timedelta(seconds=s):%Y-%m-%dT%H:%M:%S.%fZ}" for s in (-1, 1))
    assert events(ask, board, **{"from": early, "to": late}) == ["update_column_value"]
    assert events(ask, board, **{"from": late}) == ["create_column", "move_pulse_into_group"]


def test_ten_thousand_events_come_in_one_call_and_not_one_more(ask) -> None:
    """The rest is on the second page."""
    account = ask.start(Account.many(boards=1, items=1, columns=1)).account
    board = account.boards[0]
    account.add_items(board.id, 10_005)
    assert len(events(ask, board, n=20_000)) == 10_000
    query = "query($b:[ID!]){boards(ids:$b){activity_logs(limit:10000,page:2){data}}}"
    rest = ask.data(query, b=[board.id])["boards"][0]["activity_logs"]
    assert [json.loads(row["data"])["pulse_id"] for row in rest] == [board.item_id(p) for p in range(5, 0, -1)]


def test_events_show_late_and_some_never(ask) -> None:
    """After the lag they are there; the missing ones stay missing, at every call the same."""
    account = ask.start(Account.many(boards=1, items=5, columns=1), log_lag_seconds=300, log_gaps=0.2).account
    board = account.boards[0]
    account.add_items(board.id, 500)
    assert events(ask, board) == []
    account.advance(301)
    shown = len(events(ask, board))
    assert 370 <= shown <= 430
    assert len(events(ask, board)) == shown
