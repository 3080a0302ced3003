"""The quotas of a plan, on the command line too."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import httpx
import pytest

from boardlift.sandbox import SandboxOptions
from boardlift.sandbox.command import options_of, parser


@pytest.mark.parametrize(
    ("name", "quotas"),
    [
        ("free", (1_000, 1_000, 40, 1_000_000)),
        ("standard", (1_000, 1_000, 40, 10_000_000)),
        ("pro", (10_000, 2_500, 100, 10_000_000)),
        ("enterprise", (25_000, 5_000, 250, 10_000_000)),
    ],
)
def test_a_plan_sets_the_quotas_and_the_account_names_it(ask, name: str, quotas: tuple[int, ...]) -> None:
    """Calls a day and a minute, calls at once, points a minute: in headers, limits and the account's answer."""
    ask.start()
    options = SandboxOptions.of_plan(name)
    found = (
        options.calls_per_day,
        options.calls_per_minute,
        options.concurrency,
        options.complexity_per_minute,
    )
    assert found == quotas
    ask.start(**{field: getattr(options, field) for field in SandboxOptions.__slots__})
    answer = ask.post("{account{tier plan{tier}} platform_api{daily_limit{base total}}}")
    assert answer.json()["data"] == {
        "account": {"tier": name, "plan": {"tier": name}},
        "platform_api": {"daily_limit": {"base": quotas[0], "total": quotas[0]}},
    }
    assert f'"minuteRate";q={quotas[1]};' in answer.headers["RateLimit-Policy"]


def test_quotas_go_over_the_plans() -> None:
    """A plan is where one begins."""
    options = SandboxOptions.of_plan("pro").with_quotas(concurrency=3)
    assert (options.concurrency, options.calls_per_minute, options.calls_per_day) == (3, 2_500, 10_000)
    with pytest.raises(ValueError, match="enterprise"):
        SandboxOptions.of_plan("gold")


def test_the_command_takes_plans_and_quotas() -> None:
    """What is given goes over the plan; without a plan nothing stands in the way."""
    given = options_of(
        parser().parse_args(
            "--plan free --calls-per-day 7 --cursor-life 3 --failing 0.1 --workers 4 --filter-forms iso_between".split()
        )
    )
    assert (given.tier, given.calls_per_day, given.concurrency) == ("free", 7, 40)
    assert (given.cursor_life_seconds, given.failing, given.workers) == (3.0, 0.1, 4)
    assert given.filter_forms == {"iso_between"}
    assert options_of(parser().parse_args([])) == SandboxOptions()


def test_both_commands_serve_a_plan() -> None:
    """`python -m boardlift.sandbox` and `boardlift sandbox`, each in a process of its own."""
    commands = [
        ["-m", "boardlift.sandbox", "--size", "0.01", "--plan", "standard", "--warm", "--stop-with-parent"],
        ["-m", "boardlift", "sandbox", "--size", "0.01", "--plan", "standard", "--port", "0", "--json"],
    ]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    for command in commands:
        running = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=buffered
        )
        try:
            assert running.stdout is not None
            text = running.stdout.readline()
            while text and not text.rstrip().endswith("}"):
                text += running.stdout.readline()
            told = json.loads(text)
            headers = {"Authorization": told["token"]}
            answer = httpx.post(told["url"], json={"query": "{account{tier}}"}, headers=headers)
            assert answer.json()["data"]["account"]["tier"] == "standard"
            assert '"concurrency";q=40;' in answer.headers["RateLimit-Policy"]
        finally:
            running.kill()
            running.communicate()
