"""Where the URL of a destination leads, with every secret of it known so that none is ever shown."""

from __future__ import annotations

from dataclasses import dataclass

_MASK = "***"


@dataclass(frozen=True, repr=False)
class SecretKeeper:
    """A server and what is on it. Its repr, like its identity, shows no secret; `secrets` stand longest first."""

    identity: str
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.identity})"

    def scrub(self, text: str) -> str:
        """`text` without any secret of the URL, however it is written in it."""
        for secret in self.secrets:
            text = text.replace(secret, _MASK)
        return text
