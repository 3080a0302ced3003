"""A webhook's body, deciphered: a challenge to be echoed, or an event. Takes no network and no ledger."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec import Struct

from boardlift.ledger import Touched

LONGEST_CHALLENGE = 1_000
_LONGEST_WORD = 200
_LONGEST_ID = 20

_Id = int | str | None


@dataclass(frozen=True)
class Challenge:
    """monday.com asks whether this address is ours; the token goes back as it came."""

    token: str


class Malformed(Exception):
    """The body is no webhook of monday.com's. The message is for whoever sent it and holds nothing of the body."""


class _Event(Struct, rename="camel"):
    """The fields that are used (API page "Webhooks"). Ids are numbers here and strings in GraphQL; both are taken."""

    board_id: _Id = None
    type: str = ""
    pulse_id: _Id = None
    item_id: _Id = None
    parent_item_board_id: _Id = None
    trigger_uuid: str | None = None


class _Body(Struct):
    challenge: str | None = None
    event: _Event | None = None


def read_body(body: bytes) -> Challenge | Touched:
    """Read the JSON body of a webhook.

    out: for an event of a subitem, `board_id` is the board of its parent item.
    raised: Malformed.
    """
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("the body is not the JSON of a webhook") from error
    if found.event is not None:
        return _touched(found.event)
    if found.challenge is None:
        raise Malformed("the body has neither a challenge nor an event")
    if len(found.challenge) > LONGEST_CHALLENGE:
        raise Malformed("the challenge is too long")
    return Challenge(found.challenge)


def _touched(event: _Event) -> Touched:
    board = _id(event.board_id)
    if not board:
        raise Malformed("the event names no board")
    uuid = event.trigger_uuid or ""
    if len(uuid) > _LONGEST_WORD or len(event.type) > _LONGEST_WORD:
        raise Malformed("the event's type or triggerUuid is too long")
    return Touched(
        board_id=_id(event.parent_item_board_id) or board,
        item_board_id=board,
        item_id=_id(event.item_id) or _id(event.pulse_id),
        event=event.type,
        trigger_uuid=uuid,
    )


def _id(value: _Id) -> str:
    text = "" if value is None else str(value)
    if text and not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise Malformed("an id is not a number")
    return text
