"""Options that many commands share, and the opening of an app with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from boardlift.app import App
from boardlift.cli.errors import hide
from boardlift.progress import Progress
from boardlift.settings import Loaded, find_config, load

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="BOARDLIFT_CONFIG", help="The configuration file; found here or above if left out."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document on standard output.")]
Test = Annotated[bool, typer.Option("--test", help="Test mode: 500 records per board, into a namespace of their own.")]
Debug = Annotated[bool, typer.Option("--debug", help="On an error, print the traceback as well.")]
LogJson = Annotated[
    bool, typer.Option("--log-json", envvar="BOARDLIFT_LOG_JSON", help="Log as JSON lines on standard error.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no log lines.")]
Boards = Annotated[
    list[str] | None,
    typer.Argument(help="Boards by id, name or table name; patterns such as 'Customer *' work. All if left out."),
]


def read_settings(config: Path | None, *, token_required: bool = True) -> Loaded:
    """The configuration; from here on its secrets cannot be printed."""
    loaded = load(find_config(config), token_required=token_required)
    hide(*(secret.reveal() for secret in loaded.secrets))
    return loaded


def open_app(loaded: Loaded, *, test: bool = False, progress: Progress | None = None) -> App:
    return App(loaded, test=test, progress=progress)
