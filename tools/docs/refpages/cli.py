"""docs/reference/cli.md: the help of every command, by asking it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import get_args
from unittest import mock

import typer

from boardlift.cli import main
from boardlift.cli.commands import app
from boardlift.cli.errors import EXIT_CODES
from boardlift.listen.guard import SEGMENT_FILE, SEGMENT_VARIABLE, SIGNING_VARIABLE
from boardlift.sandbox.fault import Kind
from boardlift.settings import CONFIG_NAME, TOKEN_VARIABLE
from refpages.markdown import capital, code, page, table

WIDTH = "102"  # click keeps two columns for itself

CONVENTIONS = """\
Data goes to standard output; progress, log lines and errors go to standard error. Output to a pipe or a file holds no
colour and no control characters. `--json` prints one JSON document in place of a table, also for an error. An error is
one sentence, a blank line, and a hint that begins with `hint:`."""


def render() -> str:
    command = typer.main.get_command(app)
    names = [" ".join(path) for path in _paths(command, ())]
    index = "\n".join(f"- [`boardlift {name}`](#{_anchor(name)})" for name in names if name)
    sections = [f"## boardlift {name}".rstrip() + f"\n\n```text\n{_help(name.split())}\n```" for name in names]
    return page(
        "Commands",
        CONVENTIONS,
        index,
        "## Exit codes\n\n"
        + table(("code", "meaning"), ((code(number), capital(meaning)) for number, meaning in EXIT_CODES.items())),
        "## Environment variables\n\n" + table(("variable", "meaning"), _variables(command)),
        *sections,
        "## Faults of the sandbox\n\n`boardlift sandbox --fault KIND` makes the first call fail, `KIND:CALL` that "
        "call. The kinds:\n\n" + "\n".join(f"- {code(kind)}" for kind in get_args(Kind)),
    )


def _paths(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from _paths(inner, (*path, name))


def _help(arguments: list[str]) -> str:
    out = io.StringIO()
    with mock.patch.dict(os.environ, {"COLUMNS": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}), redirect_stdout(out):
        assert main([*arguments, "--help"]) == 0
    return "\n".join(line.rstrip() for line in out.getvalue().strip().splitlines())


def _variables(command: object) -> list[tuple[str, str]]:
    found = {
        TOKEN_VARIABLE: f"The API token, as `account.token` of {CONFIG_NAME} names it unless it names another "
        "variable.",
        SIGNING_VARIABLE: "The signing secret of the app that created the webhooks, for `boardlift listen`.",
        SEGMENT_VARIABLE: "The hidden part of the webhooks' address where there is no signing secret; otherwise it is "
        f"made once and kept in `{SEGMENT_FILE}` of the state folder.",
    }
    for path in _paths(command, ()):
        inner = command
        for name in path:
            inner = getattr(inner, "commands")[name]  # noqa: B009  click's groups have it, commands do not
        for parameter in getattr(inner, "params", []):
            if parameter.envvar:
                found.setdefault(str(parameter.envvar), f"As {code(parameter.opts[0])}. {parameter.help}")
    return [(code(name), meaning) for name, meaning in found.items()]


def _anchor(name: str) -> str:
    return f"boardlift {name}".replace(" ", "-")
