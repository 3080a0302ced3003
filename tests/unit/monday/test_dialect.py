"""Which form of a filter is found to work, against every account that sources describe."""

from __future__ import annotations

import pytest

from boardlift.errors import SourceUnavailable
from boardlift.monday.client import MondayClient
from boardlift.monday.dialect import FORMS, Dialect, NoMemory
from boardlift.sandbox import Account, Fault, Sandbox, SandboxOptions
from boardlift.sandbox.options import FilterForm
from support.clocks import FastClock


class Notes(NoMemory):
    """A memory that can be looked into."""

    def __init__(self, **known: str) -> None:
        self.known = known

    def recall(self, key: str) -> str:
        return self.known.get("form", "")

    def keep(self, key: str, value: str) -> None:
        self.known["form"] = value


def found(options: SandboxOptions, notes: Notes) -> tuple[str, int]:
    """The name of the form that is found, empty for none, and how many calls it took."""
    with (
        Sandbox(Account.many(boards=1, items=40, columns=3), options) as sandbox,
        MondayClient(sandbox.url, sandbox.token, clock=FastClock()) as client,
    ):
        dialect = Dialect(notes)
        form = dialect.form(client, str(sandbox.account.boards[0].id))
        assert dialect.form(client, "0") is form is dialect.current
        return form.name if form else "", client.stats().calls


FIRST, PLAIN, DAYS = (form.name for form in FORMS)


@pytest.mark.parametrize(
    ("taken", "form", "calls"),
    [
        ({"iso_between_attribute", "iso_between", "day_between"}, FIRST, 3),
        ({"iso_between", "day_between"}, PLAIN, 4),
        ({"day_between"}, DAYS, 5),
        ({"exact_attribute"}, "", 3),
        (set(), "", 3),
    ],
)
def test_the_form_that_an_account_takes(taken: set[FilterForm], form: str, calls: int) -> None:
    """Found with two calls and one for each form; kept when there is one."""
    notes = Notes()
    assert found(SandboxOptions(filter_forms=frozenset(taken)), notes) == (form, calls)
    assert notes.known.get("form", "") == form


def test_a_filter_that_is_ignored_is_no_filter() -> None:
    """An account that takes every form and applies none."""
    assert found(SandboxOptions(filters_ignored=True), Notes()) == ("", 3)


@pytest.mark.parametrize(("margin", "form"), [(-1, FIRST), (2, FIRST), (-7200, DAYS), (-300_000, "")])
def test_a_filter_that_would_lose_items_is_not_used(margin: int, form: str) -> None:
    """Ranges wider than asked are cut here; narrower ones are found out by the oldest item."""
    assert found(SandboxOptions(filter_margin_seconds=margin), Notes())[0] == form


@pytest.mark.parametrize("hours", [-11.0, 14.0])
def test_days_are_those_of_the_tokens_owner(hours: float) -> None:
    """The widest time zones there are."""
    options = SandboxOptions(filter_forms=frozenset({"day_between"}), owner_utc_offset_hours=hours)
    assert found(options, Notes())[0] == DAYS


def test_what_was_found_once_is_not_asked_again() -> None:
    """Until it is refused; then the next run finds out anew."""
    notes = Notes(form=PLAIN)
    assert found(SandboxOptions(), notes) == (PLAIN, 0)
    dialect = Dialect(notes)
    with MondayClient("http://127.0.0.1:9", "token", clock=FastClock()) as client:
        form = dialect.form(client, "1")
        assert form is not None
        dialect.refused(form)
        assert dialect.form(client, "1") is None
    assert notes.known["form"] == ""


def test_a_name_that_is_no_form_any_more_is_forgotten() -> None:
    """An older version kept it."""
    assert found(SandboxOptions(), Notes(form="weeks")) == (FIRST, 3)


def test_a_board_without_items_proves_nothing() -> None:
    """Where nothing can come, nothing that comes shows a filter."""
    with (
        Sandbox(Account.many(boards=1, items=0, columns=3), SandboxOptions(filters_ignored=True)) as sandbox,
        MondayClient(sandbox.url, sandbox.token, clock=FastClock()) as client,
    ):
        assert Dialect(Notes()).form(client, str(sandbox.account.boards[0].id)) is None


def test_a_failure_for_a_moment_is_not_kept() -> None:
    """A form that could not be tried is not used in this run, and tried in the next."""
    notes = Notes()
    fault = Fault("5xx", operation="ProbeItems", times=None)
    assert found(SandboxOptions(faults=(fault,)), notes)[0] == ""
    assert "form" not in notes.known


def test_no_network_is_no_answer() -> None:
    """Then nothing is known of the account's forms, and the run is what ends."""
    with (
        MondayClient("http://127.0.0.1:9", "token", clock=FastClock(), retries=0) as client,
        pytest.raises(SourceUnavailable),
    ):
        Dialect().form(client, "1")
