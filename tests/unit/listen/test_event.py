"""Bodies of webhooks: every recorded one is understood, and whatever is none is refused without a trace of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from boardlift.ledger import Touched
from boardlift.listen.event import Challenge, Malformed, read_body

SAMPLES = Path(os.environ.get("BOARDLIFT_SAMPLES") or Path(__file__).parents[4] / "shared" / "monday-api" / "samples")
RECORDED = SAMPLES / "webhooks-2022" / "payloads.jsonl"


def body(**event: object) -> bytes:
    return json.dumps({"event": {"boardId": 1, **event}}).encode()


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded webhooks are not here")
def test_every_recorded_webhook_names_its_board_and_item() -> None:
    found = [read_body(json.dumps(json.loads(line)["body"]).encode()) for line in RECORDED.read_text().splitlines()]
    assert found == [
        Touched("3139815405", "3139815405", "3160188786", "create_pulse", "049869226bf6711705c62e301a2c3eee"),
        Touched("3139815405", "3139815405", "3160181387", "update_column_value", "51730730740a9d00ec45203bd392a9bd"),
        Touched("3139815405", "3160805239", "3161163765", "create_pulse", "70a2219427804e47a508a91b5c244543"),
    ]


def test_a_challenge_comes_back_as_it_was() -> None:
    assert read_body('{"challenge": "3eZ-ü\\u0000"}'.encode()) == Challenge("3eZ-ü\0")


@pytest.mark.parametrize("name", ["pulseId", "itemId"])
@pytest.mark.parametrize("number", [7, "7"])
def test_ids_are_numbers_or_texts_under_either_name(name: str, number: object) -> None:
    assert read_body(body(**{name: number}, type="delete_pulse")) == Touched("1", "1", "7", "delete_pulse", "")


def test_an_event_of_the_board_itself_has_no_item() -> None:
    assert read_body(body(type="create_column", triggerUuid=None)) == Touched("1", "1", "", "create_column", "")


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b"\xff\xfe",
        b'{"challenge": 5}',
        b'{"challenge": "' + b"x" * 1001 + b'"}',
        b'{"event": {}}',
        b'{"event": "x"}',
        b'{"event": {"boardId": null}}',
        b'{"event": {"boardId": 1.5}}',
        b'{"event": {"boardId": true}}',
        b'{"event": {"boardId": "1; DROP TABLE runs"}}',
        b'{"event": {"boardId": -1}}',
        '{"event": {"boardId": "١"}}'.encode(),
        b'{"event": {"boardId": 123456789012345678901}}',
        b'{"event": {"boardId": 1, "pulseId": "x"}}',
        b'{"event": {"boardId": 1, "parentItemBoardId": {}}}',
        b'{"event": {"boardId": 1, "triggerUuid": "' + b"x" * 201 + b'"}}',
        b'{"event": {"boardId": 1, "type": "' + b"x" * 201 + b'"}}',
        b'{"event": {"boardId": 1, "type": 5}}',
        b'{"a":' * 100_000,
    ],
)
def test_anything_else_is_refused_in_words_of_ours(bad: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        read_body(bad)
    assert "DROP" not in str(refused.value)
    assert "xxx" not in str(refused.value)
