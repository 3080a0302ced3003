"""The real command line, as a person or a scheduler would run it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """`boardlift` in a folder with a boardlift.yaml of its own."""

    def __init__(self, folder: Path, *, token: str | None = None, text: str = "") -> None:
        self.folder = folder
        self.config = folder / "boardlift.yaml"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("BOARDLIFT_", "MONDAY_"))},
            "PYTHONPATH": str(SOURCES),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        if token is not None:
            self.env["MONDAY_API_TOKEN"] = token
        if text:
            self.config.write_text(text, encoding="utf-8")

    def run(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        seconds: float = 120,
    ) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "boardlift", *arguments],
            cwd=self.folder,
            env={**self.env, **(env or {})},
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            preexec_fn=before,
        )
        return Ended(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "boardlift", *arguments],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def configuration(url: str, destination: str, *, account: str = "", more: str = "") -> str:
    """A boardlift.yaml; `account` are further lines of the account, `more` of the top level."""
    lines = ["account:", f"  url: {url}", "  retries: 1", "  timeout: 20"]
    lines += [f"  {line}" for line in account.splitlines()]
    return "\n".join([*lines, f"destination: {json.dumps(destination)}", more]) + "\n"
