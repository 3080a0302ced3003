"""What engines share whose database is one file."""

from __future__ import annotations

from pathlib import Path

from boardlift.errors import DestinationError


def refuse_hopeless(path: Path, engine: str, url: str) -> None:
    """Raise DestinationError where no file can be; `url` is an example of one that is meant."""
    if not path.parent.is_dir():
        raise DestinationError(
            f"The folder {path.parent} of the {engine} file does not exist.",
            hint="make the folder, or correct `destination:` in boardlift.yaml",
        )
    if path.is_dir():
        raise DestinationError(
            f"{path} is a folder, not a {engine} file.",
            hint=f"end the `destination:` URL with a file name, as in {url}",
        )
