"""What calls leave behind, over real HTTP."""

from __future__ import annotations

import gc

from boardlift.monday import queries
from boardlift.monday.client import MondayClient
from boardlift.sandbox import Account, Sandbox


def test_an_answer_is_freed_as_soon_as_it_is_read() -> None:
    """Each that waits for the garbage collector keeps a decoder of 40 KB, and readers make thousands."""
    calls = 20
    with Sandbox(Account.benchmark(300, 3)) as sandbox, MondayClient(sandbox.url, sandbox.token) as client:
        ask = queries.first_items(str(sandbox.account.boards[0].id), queries.Selection(()), 100)
        client.send(ask)  # opens the connection
        gc.collect()
        gc.disable()
        try:
            for _ in range(calls):
                client.send(ask)
            left = gc.collect()
        finally:
            gc.enable()
    assert left < 10 * calls
