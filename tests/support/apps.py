"""An app over a sandbox and a destination, as the command line would put it together."""

from __future__ import annotations

from pathlib import Path

from boardlift.app import App
from boardlift.sandbox import Sandbox
from boardlift.settings import AccountSettings, Loaded, Secret, Settings


def make_app(sandbox: Sandbox, destination: str, folder: Path, *, test: bool = False, **changes: object) -> App:
    """`changes` replace fields of the settings, such as `boards`."""
    clock = changes.pop("clock", None)
    account = changes.pop("account", AccountSettings(url=sandbox.url, retries=2, timeout=20))
    settings = Settings(destination=destination, account=account, **changes)  # type: ignore[arg-type]
    return App(
        Loaded(settings=settings, folder=folder, token=Secret(sandbox.token), destination=Secret(destination)),
        test=test,
        clock=clock,  # type: ignore[arg-type]
    )
