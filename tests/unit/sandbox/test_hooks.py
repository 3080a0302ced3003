"""Webhooks: the challenge, the recorded form of events, signatures, and posts that come again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt
import pytest

from boardlift.sandbox import Account, Sandbox, SandboxOptions
from support.virtual import VirtualClock


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, keeps what came, and answers with the next of `answers`, or 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: list[dict] = []
        self.tokens: list[str | None] = []
        self.answers: list[int] = []
        self.echo = True

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook?board=1"

    def wait(self, count: int) -> list[dict]:
        """The events, once so many came; fails after five seconds."""
        until = time.monotonic() + 5
        while len(self.events) < count and time.monotonic() < until:
            time.sleep(0.005)
        assert len(self.events) >= count, self.events
        return self.events


class Handler(BaseHTTPRequestHandler):
    """One webhook."""

    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.tokens.append(self.headers.get("Authorization"))
        status = 200
        if "challenge" in body:
            answer = json.dumps(body if self.server.echo else {}).encode()
        else:
            status, answer = self.server.answers.pop(0) if self.server.answers else 200, b""
            if status == 200:
                self.server.events.append(body["event"])
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running receiver."""
    with Receiver() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_subscriber_has_to_echo_the_challenge(ask, receiver: Receiver) -> None:
    """Else, and when nobody listens, there is no subscription."""
    board = ask.start().account.board("Inventory")
    receiver.echo = False
    for url in (receiver.url, "http://127.0.0.1:9/nobody"):
        with pytest.raises(AssertionError, match="did not echo"):
            ask.control("subscribe", board=board.id, url=url)
    ask.control("rename_item", item=board.item_id(1), name="x")
    assert ask.sandbox.stats()["webhooks"]["events"] == 0


def test_events_come_in_the_recorded_form(ask, receiver: Receiver) -> None:
    """A created item and a changed status carry the keys of the recordings, with numbers as ids."""
    account = ask.start().account
    board = account.board("Inventory")
    status = next(column for column in board.columns if column.type == "status")
    subscription = ask.control("subscribe", board=board.id, url=receiver.url)
    item = ask.control("add_items", board=board.id, n=1)[0]
    label = next(row for row in status.settings["labels"] if row["label"] and row["id"] != 5)
    ask.control("change_item", item=item, values={status.id: label["label"]})
    created, changed = receiver.wait(2)[:2]
    assert set(created) == {
        "userId", "originalTriggerUuid", "boardId", "pulseId", "pulseName", "groupId", "groupName", "groupColor",
        "isTopGroup", "columnValues", "app", "type", "triggerTime", "subscriptionId", "triggerUuid",
    }  # fmt: skip
    assert (created["type"], created["boardId"], created["pulseId"]) == ("create_pulse", board.id, item)
    assert created["subscriptionId"] == subscription
    assert {"columnId", "columnType", "columnTitle", "value", "previousValue", "changedAt"} < set(changed)
    assert (changed["type"], changed["columnType"], changed["columnId"]) == ("update_column_value", "color", status.id)
    assert changed["value"]["label"]["text"] == label["label"]
    assert set(changed["value"]["label"]) == {"index", "text", "style", "is_done"}
    assert abs(changed["changedAt"] - account.now()) < 10
    assert datetime.fromisoformat(changed["triggerTime"]).tzinfo is not None
    assert created["triggerUuid"] != changed["triggerUuid"]
    assert len(created["triggerUuid"]) == 32


def settled(sandbox: Sandbox, counts: dict[str, int]) -> None:
    """The counts of webhooks become these; a post is counted when its answer was read."""
    until = time.monotonic() + 20
    while sandbox.stats()["webhooks"] != counts and time.monotonic() < until:
        time.sleep(0.005)
    assert sandbox.stats()["webhooks"] == counts


def edits(account: Account) -> dict[str, Callable[[], object]]:
    """An edit for each event that a webhook tells, and some that none does."""
    board = account.board("Inventory")
    text = next(column for column in board.columns if column.type == "text")
    return {
        "update_name": lambda: account.rename_item(board.item_id(1), "new"),
        "move_pulse_into_group": lambda: account.move_item(board.item_id(1), group=board.groups[2].id),
        "archive_pulse": lambda: account.archive_item(board.item_id(2)),
        "restore_pulse": lambda: account.restore_item(board.item_id(2)),
        "delete_pulse": lambda: account.delete_item(board.item_id(3)),
        "update_column_value": lambda: account.change_item(board.item_id(4), {text.id: None}),
        "create_column": lambda: account.add_column(board.id, "text", "New"),
    }


def test_each_event_names_its_item_and_what_changed(ask, receiver: Receiver) -> None:
    """Items that are gone are `itemId`; renamed boards, columns and moves between boards tell nobody."""
    account = ask.start().account
    board = account.board("Inventory")
    ask.control("subscribe", board=board.id, url=receiver.url)
    account.rename_board(board.id, "Stock")
    account.rename_column("Stock", board.columns[1].id, "Other")
    account.move_item(board.item_id(9), board="Factories")
    account.rename_board(board.id, "Inventory")
    account.rename_item(account.board("Factories").item_id(1), "another board")
    made = edits(account)
    for edit in made.values():
        edit()
    events = {event["type"]: event for event in receiver.wait(len(made))}
    assert list(events) == list(made)
    assert events["update_name"]["value"] == {"name": "new"}
    assert events["move_pulse_into_group"]["destGroupId"] == board.groups[2].id
    assert [events[name]["itemId"] for name in ("archive_pulse", "restore_pulse", "delete_pulse")] == [
        board.item_id(2), board.item_id(2), board.item_id(3),
    ]  # fmt: skip
    assert "pulseId" not in events["delete_pulse"]
    assert events["update_column_value"]["value"] is None
    assert events["create_column"]["columnTitle"] == "New"
    settled(ask.sandbox, {"events": 7, "delivered": 7, "failed": 0, "lost": 0})


def test_subitems_tell_the_board_above_them(ask, receiver: Receiver) -> None:
    """With the parent item and its board as texts, and the item a second time."""
    account = ask.start().account
    board, child = account.board("Bugs & Requests"), account.board("Subitems of Bugs & Requests")
    subscription = ask.control("subscribe", board=board.id, url=receiver.url)
    item = account.add_items(child.id, 1, parent=board.item_id(2))[0]
    event = receiver.wait(1)[0]
    assert (event["boardId"], event["pulseId"], event["itemId"]) == (child.id, item, item)
    assert (event["parentItemId"], event["parentItemBoardId"]) == (str(board.item_id(2)), str(board.id))
    ask.control("unsubscribe", subscription=subscription)
    account.rename_item(item, "x")
    assert ask.sandbox.stats()["webhooks"]["events"] == 1


def test_posts_are_signed_when_there_is_a_secret(ask, receiver: Receiver) -> None:
    """HS256 over the URL and an expiry, which a library verifies; a changed secret does not pass."""
    board = ask.start().account.board("Inventory")
    secret = "a signing secret of thirty-two bytes or more"
    ask.control("subscribe", board=board.id, url=receiver.url, secret=secret)
    ask.control("rename_item", item=board.item_id(1), name="x")
    receiver.wait(1)
    for token in receiver.tokens:
        claims = jwt.decode(token, secret, algorithms=["HS256"], audience=receiver.url)
        assert claims["exp"] > time.time()
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(token, secret[::-1], algorithms=["HS256"], audience=receiver.url)


def test_a_sandbox_that_starts_again_hears_events_again(receiver: Receiver) -> None:
    """Subscriptions end with the server; nothing of a stopped server is left on the account."""
    account = Account.many(boards=1, items=5, columns=1)
    sandbox, board = Sandbox(account), account.boards[0]
    for round_ in range(2):
        with sandbox:
            account.rename_item(board.item_id(1), "nobody has subscribed")
            sandbox.service.hooks.subscribe(board.id, receiver.url)
            account.rename_item(board.item_id(1), f"round {round_}")
            assert receiver.wait(round_ + 1)[-1]["value"] == {"name": f"round {round_}"}
        assert account.listeners == []


def test_refused_posts_come_again_each_minute_for_half_an_hour(receiver: Receiver) -> None:
    """The same event with the same id; after thirty tries it is lost, and the next event still comes."""
    clock = VirtualClock()
    account = Account.many(boards=1, items=5, columns=1)
    board = account.boards[0]
    with Sandbox(account, SandboxOptions(), clock) as sandbox:
        sandbox.service.hooks.subscribe(board.id, receiver.url)
        receiver.answers = [500, 503, 404]
        account.rename_item(board.item_id(1), "three failures")
        assert receiver.wait(1)[0]["value"] == {"name": "three failures"}
        assert clock.monotonic() == pytest.approx(180)
        receiver.answers = [500] * 31
        account.rename_item(board.item_id(1), "lost")
        settled(sandbox, {"events": 2, "delivered": 1, "failed": 34, "lost": 1})
        account.rename_item(board.item_id(2), "after")
        assert receiver.wait(2)[1]["value"] == {"name": "after"}
        settled(sandbox, {"events": 3, "delivered": 2, "failed": 34, "lost": 1})
        assert clock.monotonic() == pytest.approx(33 * 60)
