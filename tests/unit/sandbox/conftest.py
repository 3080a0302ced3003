"""A small account behind a running server, and a way to ask it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from boardlift.sandbox import Account, Sandbox, SandboxOptions


class Asker:
    """Starts sandboxes and posts queries to the last one started."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.sandbox = Sandbox(Account(size=0.05))
        self.http = stack.enter_context(httpx.Client(timeout=10))

    def start(self, account: Account | None = None, **options: object) -> Sandbox:
        """A sandbox with options of its own."""
        self.sandbox = Sandbox(account or Account(size=0.05), SandboxOptions(**options))  # type: ignore[arg-type]
        return self.stack.enter_context(self.sandbox)

    def post(self, query: str, headers: dict[str, str] | None = None, **variables: object) -> httpx.Response:
        """The raw answer to a query."""
        sent = {"Authorization": self.sandbox.token, "API-Version": "2026-10", **(headers or {})}
        return self.http.post(self.sandbox.url, json={"query": query, "variables": variables}, headers=sent)

    def data(self, query: str, **variables: object) -> dict:
        """The data of an answer that must be without errors."""
        body = self.post(query, **variables).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def control(self, op: str, **settings: object) -> object:
        """The result of a control operation."""
        answer = self.http.post(
            self.sandbox.control_url, json={"op": op, **settings}, headers={"Authorization": self.sandbox.token}
        ).json()
        assert answer["ok"], answer
        return answer["result"]


@pytest.fixture
def ask() -> Iterator[Asker]:
    """An asker; everything it started stops with the test."""
    with ExitStack() as stack:
        yield Asker(stack)


@pytest.fixture(scope="session")
def account() -> Account:
    """The default account at full size, for tests that only read it."""
    return Account()
