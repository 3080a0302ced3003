"""`boardlift init`: from a token to a boardlift.yaml, with the boards chosen from a list."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from boardlift.cli.errors import hide
from boardlift.cli.options import AsJson, Debug
from boardlift.cli.output import emit, say, show
from boardlift.clock import SystemClock
from boardlift.errors import ConfigError
from boardlift.monday.boards import list_boards, read_account
from boardlift.monday.client import MondayClient
from boardlift.monday.model import BoardSummary
from boardlift.settings import CONFIG_NAME, DEFAULT_API_URL, DEFAULT_API_VERSION, TOKEN_VARIABLE, find_token

HEAD = """\
# What boardlift lifts, and where to. Every key: docs/reference/configuration.md
account:
  token: ${{{variable}}}
"""


def init(
    destination: Annotated[
        str, typer.Option("--destination", help="Where tables land, such as postgresql://user@host/db.")
    ] = "duckdb:///warehouse.duckdb",
    board: Annotated[list[str] | None, typer.Option("--board", help="Lift this board id (repeatable).")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Lift every board the token can read, now and later.")
    ] = False,
    url: Annotated[str, typer.Option("--url", help="API endpoint, if not monday's own.")] = DEFAULT_API_URL,
    file: Annotated[Path, typer.Option("--file", help="The file to write.")] = Path(CONFIG_NAME),
    keyring: Annotated[bool, typer.Option("--keyring", help="Keep the token in the system's keyring.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Ask for a token, list the boards to choose from, and write boardlift.yaml. The token is never written into it.

    Example: boardlift init --destination postgresql://etl@warehouse/analytics
    """
    if file.exists() and not force:
        raise ConfigError(f"{file} exists already and was left as it is.", hint="add --force to replace it")
    token = _token(keyring=keyring)
    with MondayClient(url, token, DEFAULT_API_VERSION, clock=SystemClock()) as client:
        account = read_account(client)
        say(f"Signed in as {account.user_name} of {account.name}.")
        boards = [each for each in list_boards(client) if each.type == "board"]
    chosen = _choose(boards, board or [], everything=everything)
    file.write_text(_written(destination, url, chosen, everything=everything), encoding="utf-8")
    if as_json:
        emit({"file": str(file), "account": account.name, "boards": [each.id for each in chosen] or "all"})
    say(f"Wrote {file}. Next: boardlift doctor, then boardlift plan, then boardlift sync --test.")


def _token(*, keyring: bool) -> str:
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token and sys.stdin.isatty():
        token = str(typer.prompt("monday.com API token (avatar > Developers > API token)", hide_input=True)).strip()
    if not token:
        token = find_token("${" + TOKEN_VARIABLE + "}").reveal()
    hide(token)
    if keyring:
        import keyring as store
        from keyring.errors import KeyringError

        try:
            store.set_password("boardlift", "token", token)
        except KeyringError as error:
            raise ConfigError(
                f"The token could not be kept in a keyring: {error}.",
                hint=f"leave out --keyring and export {TOKEN_VARIABLE} instead",
            ) from error
        say("The token is in the keyring.")
    elif not os.environ.get(TOKEN_VARIABLE):
        say(f"Export {TOKEN_VARIABLE} before the next command; the token is not written anywhere.")
    return token


def _choose(boards: list[BoardSummary], ids: list[str], *, everything: bool) -> list[BoardSummary]:
    known = {each.id: each for each in boards}
    if missing := [each for each in ids if each not in known]:
        raise ConfigError(
            f"The token cannot read a board {missing[0]}.", hint="leave out --board to see the list of readable boards"
        )
    if ids:
        return [known[each] for each in ids]
    if everything:
        return []
    rows: list[dict[str, object]] = [
        {"no": number, "id": each.id, "name": each.name, "items": each.items_count}
        for number, each in enumerate(boards, start=1)
    ]
    show("", rows, ("no", "id", "name", "items"), right=("no", "items"))
    if not sys.stdin.isatty():
        raise ConfigError("No boards were chosen.", hint="add --all, or --board ID for each board")
    answer = str(typer.prompt("Which? Numbers such as 1,3-5, or all", default="all")).strip()
    if answer.lower() == "all":
        return boards
    return [boards[number - 1] for number in _numbers(answer, len(boards))]


def _numbers(answer: str, most: int) -> list[int]:
    numbers: list[int] = []
    for part in answer.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ConfigError(f"{part!r} is not a number in the list.", hint="answer like 1,3-5")
        numbers += range(int(first), int(last or first) + 1)
    if out := [number for number in numbers if not 1 <= number <= most]:
        raise ConfigError(f"There is no board {out[0]} in the list.", hint=f"answer with numbers from 1 to {most}")
    return list(dict.fromkeys(numbers))


def _written(destination: str, url: str, chosen: list[BoardSummary], *, everything: bool) -> str:
    import yaml

    lines = [HEAD.format(variable=TOKEN_VARIABLE)]
    if url != DEFAULT_API_URL:
        lines.append(f"  url: {_scalar(url)}\n")
    lines.append(f"destination: {_scalar(destination)}\nnamespace: monday\nboards:\n")
    if everything or not chosen:
        lines.append('  - match: "*"\n')
    for each in chosen:
        comment = " ".join(each.name.split()).encode("ascii", "replace").decode()
        lines.append(f"  - id: {int(each.id)}  # {comment}\n")
    text = "".join(lines)
    yaml.safe_load(text)
    return text


def _scalar(text: str) -> str:
    """One YAML scalar, quoted where it must be."""
    import json

    return json.dumps(text)
