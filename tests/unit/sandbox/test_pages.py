"""Reading boards page by page."""

from __future__ import annotations

import httpx

from boardlift.sandbox import Account, Sandbox

FIRST = (
    "query($ids:[ID!],$limit:Int!,$params:ItemsQuery){boards(ids:$ids,limit:1)"
    "{items_page(limit:$limit,query_params:$params){cursor items{id}}}}"
)
NEXT = "query($cursor:String!,$limit:Int!){next_items_page(cursor:$cursor,limit:$limit){cursor items{id}}}"


def read_all(ask, board: int, limit: int, params: object = None) -> list[str]:
    """The ids of every page of a board."""
    page = ask.data(FIRST, ids=[board], limit=limit, params=params)["boards"][0]["items_page"]
    ids = [item["id"] for item in page["items"]]
    while page["cursor"]:
        page = ask.data(NEXT, cursor=page["cursor"], limit=limit)["next_items_page"]
        ids += [item["id"] for item in page["items"]]
    return ids


def errors(response: httpx.Response) -> list[str]:
    """The codes of an answer's errors."""
    return [error["extensions"]["code"] for error in response.json()["errors"]]


def test_pages_cover_every_item_exactly_once(ask) -> None:
    """Whatever the page size, each active item comes once, and the last cursor is null."""
    board = ask.start().account.board("Inventory")
    expected = [str(item.id) for item in board.active_items()]
    assert read_all(ask, board.id, 33) == expected
    assert read_all(ask, board.id, len(expected)) == expected


def test_an_empty_board_has_an_empty_page(ask) -> None:
    """No items, no cursor, no error."""
    board = ask.start().account.board("An empty board")
    assert read_all(ask, board.id, 500) == []


def test_a_cursor_keeps_the_order_of_its_first_call(ask) -> None:
    """Items deleted or archived meanwhile are absent from later pages; new ones do not appear."""
    account = ask.start().account
    board = account.board("Inventory")
    before = [item.id for item in board.active_items()]
    page = ask.data(FIRST, ids=[board.id], limit=50)["boards"][0]["items_page"]
    account.delete_item(before[70])
    account.archive_item(before[71])
    account.add_items(board.id, 5)
    rest = ask.data(NEXT, cursor=page["cursor"], limit=500)["next_items_page"]
    assert [int(item["id"]) for item in rest["items"]] == before[50:70] + before[72:]


def test_a_cursor_dies_an_hour_after_the_first_call_of_its_chain(ask) -> None:
    """Later calls do not prolong it; the error is a CursorException inside HTTP 200."""
    account = ask.start().account
    board = account.board("Inventory")
    cursor = ask.data(FIRST, ids=[board.id], limit=10)["boards"][0]["items_page"]["cursor"]
    account.advance(3000)
    cursor = ask.data(NEXT, cursor=cursor, limit=10)["next_items_page"]["cursor"]
    account.advance(601)
    response = ask.post(NEXT, cursor=cursor, limit=10)
    assert response.status_code == 200
    assert response.json()["data"] is None
    assert "CursorExpiredError" in response.json()["errors"][0]["message"]
    assert errors(response) == ["CursorException"]


def test_a_board_lost_in_the_middle_of_a_chain_is_unauthorized(ask) -> None:
    """The right to it was taken away, or it was deleted, between two pages."""
    account = ask.start().account
    for name, lose in (("Inventory", account.set_unreadable), ("Factories", account.delete_board)):
        page = ask.data(FIRST, ids=[account.board(name).id], limit=2)["boards"][0]["items_page"]
        lose(name)
        assert errors(ask.post(NEXT, cursor=page["cursor"], limit=2)) == ["USER_UNAUTHORIZED"]


def test_a_forged_cursor_is_refused(ask) -> None:
    """A cursor with another offset does not pass."""
    ask.start()
    assert errors(ask.post(NEXT, cursor="MSwyLDMsNCw1LHxhYmM=", limit=10)) == ["CursorException"]


def test_a_page_of_more_than_500_items_is_refused(ask) -> None:
    """The limit is an error, not a silent cut."""
    board = ask.start().account.board("Inventory")
    response = ask.post(FIRST, ids=[board.id], limit=501)
    assert errors(response) == ["InvalidArgumentException"]
    assert response.json()["data"] == {"boards": [None]}


def test_a_cursor_and_query_params_exclude_each_other(ask) -> None:
    """The combination is an InvalidArgumentException."""
    board = ask.start().account.board("Inventory")
    query = 'query($ids:[ID!]){boards(ids:$ids){items_page(cursor:"x",query_params:{}){cursor}}}'
    assert errors(ask.post(query, ids=[board.id])) == ["InvalidArgumentException"]


def test_lists_without_a_limit_are_cut_silently(ask) -> None:
    """25 boards, 25 items of a page, 25 items by id."""
    account = ask.start(Account.many(boards=40, items=60, columns=3)).account
    board = account.boards[0]
    ids = [board.item_id(place) for place in range(60)]
    data = ask.data(
        "query($b:[ID!],$i:[ID!]){boards{id} one:boards(ids:$b){items_page{items{id}}} items(ids:$i){id}}",
        b=[board.id],
        i=ids,
    )
    assert (len(data["boards"]), len(data["one"][0]["items_page"]["items"]), len(data["items"])) == (25, 25, 25)
    assert len(ask.data("query($i:[ID!]){items(ids:$i,limit:100){id}}", i=ids)["items"]) == 60


def test_more_than_100_ids_or_1000_users_are_refused(ask) -> None:
    """Both are InvalidArgumentException."""
    ask.start()
    assert errors(ask.post("query($i:[ID!]){items(ids:$i,limit:100){id}}", i=list(range(101)))) == [
        "InvalidArgumentException"
    ]
    assert errors(ask.post("{users(limit:1001){id}}")) == ["InvalidArgumentException"]


def test_unknown_ids_are_missing(ask) -> None:
    """Unknown boards and items leave shorter lists and no error."""
    board = ask.start().account.board("Inventory")
    data = ask.data("query($b:[ID!]){boards(ids:$b){id} items(ids:[12,13]){id}}", b=[board.id, 99])
    assert data == {"boards": [{"id": str(board.id)}], "items": []}


def test_an_unreadable_board_is_null_and_the_others_are_there(ask) -> None:
    """Its error is USER_UNAUTHORIZED with the path of the null."""
    account = ask.start().account
    account.set_unreadable("Inventory")
    body = ask.post("{boards(limit:100){id}}").json()
    assert body["data"]["boards"].count(None) == 1
    assert len(body["data"]["boards"]) == len(account.boards)
    assert body["errors"][0]["path"] == ["boards", body["data"]["boards"].index(None)]
    assert body["errors"][0]["extensions"]["code"] == "USER_UNAUTHORIZED"


def test_order_by_last_update_is_newest_first_and_complete(ask) -> None:
    """Descending by `__last_updated__`, nothing lost."""
    board = ask.start().account.board("Inventory")
    ids = read_all(ask, board.id, 40, {"order_by": [{"column_id": "__last_updated__", "direction": "desc"}]})
    times = [board.updated(board.place_of(int(identity))) for identity in ids]
    assert times == sorted(times, reverse=True)
    assert len(set(ids)) == len(list(board.active_items()))


def test_a_range_of_last_update_selects_what_changed(ask) -> None:
    """`between` two times, both included."""
    account = ask.start().account
    board = account.board("Inventory")
    account.advance(86_400)
    changed = [item.id for item in board.active_items()][3:6]
    for item in changed:
        account.rename_item(item, "new")
    at = board.item(3).updated_at
    until = "2099-01-01T00:00:00Z"
    rule = {"column_id": "__last_updated__", "operator": "between", "compare_value": [at.isoformat(), until]}
    assert [int(row) for row in read_all(ask, board.id, 100, {"rules": [rule]})] == changed
    newer = {
        **rule,
        "operator": "greater_than_or_equals",
        "compare_value": ["EXACT", at.isoformat()],
        "compare_attribute": "UPDATED_AT",
    }
    assert [int(row) for row in read_all(ask, board.id, 100, {"rules": [newer]})] == changed


def test_groups_and_ids_select(ask) -> None:
    """A rule on the group, `ids`, and `Group.items_page` agree with the truth."""
    board = ask.start().account.board("Inventory")
    group = board.groups[1].id
    expected = [str(item.id) for item in board.active_items() if item.group_id == group]
    rule = {"column_id": "group", "operator": "any_of", "compare_value": [group]}
    assert read_all(ask, board.id, 500, {"rules": [rule]}) == expected
    assert read_all(ask, board.id, 500, {"ids": expected[:2]}) == expected[:2]
    query = "query($b:[ID!],$g:[String]){boards(ids:$b){groups(ids:$g){items_page(limit:500){items{id}}}}}"
    page = ask.data(query, b=[board.id], g=[group])["boards"][0]["groups"][0]["items_page"]
    assert [item["id"] for item in page["items"]] == expected


def test_a_rule_the_sandbox_does_not_know_says_so(ask) -> None:
    """An operator that does not fit its column is an error, not an empty page."""
    board = ask.start().account.board("Inventory")
    rule = {"column_id": "name", "operator": "within_the_next", "compare_value": [1]}
    response = ask.post(FIRST, ids=[board.id], limit=5, params={"rules": [rule]})
    assert errors(response) == ["InvalidArgumentException"]


def test_subitems_are_reached_from_both_sides(ask) -> None:
    """The hidden board's items name their parents, and the parents' column and field name them."""
    account = ask.start().account
    board, child = account.board("Bugs & Requests"), account.board("Subitems of Bugs & Requests")
    query = "query($b:[ID!]){boards(ids:$b){type items_page(limit:500){items{id parent_item{id}}}}}"
    below = ask.data(query, b=[child.id])["boards"][0]
    assert below["type"] == "sub_items_board"
    parent = below["items_page"]["items"][0]["parent_item"]["id"]
    children = [item["id"] for item in below["items_page"]["items"] if item["parent_item"]["id"] == parent]
    asked = (
        "query($i:[ID!]){items(ids:$i){subitems{id} column_values(types:[subtasks]){... on"
        " SubtasksValue{subitems_ids}}}}"
    )
    item = ask.data(asked, i=[parent])["items"][0]
    assert [row["id"] for row in item["subitems"]] == children
    assert item["column_values"][0]["subitems_ids"] == children
    assert board.column(next(row.id for row in board.columns if row.type == "subtasks")).settings["boardIds"] == [
        child.id
    ]


def test_items_by_column_values_match_labels_and_text(ask) -> None:
    """Exact text; OR within a column, AND between columns."""
    board = ask.start().account.board("Inventory")
    status = next(column for column in board.columns if column.type == "status")
    label = status.settings["labels"][0]["label"]
    query = (
        "query($b:ID!,$c:[ItemsPageByColumnValuesQuery!])"
        "{items_page_by_column_values(board_id:$b,limit:500,columns:$c){items{id}}}"
    )
    page = ask.data(query, b=board.id, c=[{"column_id": status.id, "column_values": [label]}])[
        "items_page_by_column_values"
    ]
    expected = [str(item.id) for item in board.active_items() if board.truth(item, status)[""] == label]
    assert [item["id"] for item in page["items"]] == expected


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two accounts of one seed answer alike but for the request id; another seed answers otherwise."""
    query = "{boards(limit:3){id name items_page(limit:50){items{id name column_values{id text value}}}}}"

    def answer(seed: int) -> object:
        with Sandbox(Account(seed=seed, size=0.02)) as sandbox:
            headers = {"Authorization": sandbox.token}
            return httpx.post(sandbox.url, json={"query": query}, headers=headers).json()["data"]

    assert answer(5) == answer(5)
    assert answer(5) != answer(6)
