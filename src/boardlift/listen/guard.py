"""Who may deliver: holders of a token signed with the app's secret or, without one, of an address nobody can guess."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from boardlift.errors import ConfigError
from boardlift.settings import Secret

SIGNING_VARIABLE = "MONDAY_SIGNING_SECRET"
SEGMENT_VARIABLE = "BOARDLIFT_WEBHOOK_SEGMENT"
SEGMENT_FILE = "webhook-segment"
PATH = "/webhooks/monday"

SHORTEST_SECRET = 16
SHORTEST_SEGMENT = 22  # 128 bits in base64
LEEWAY_SECONDS = 30  # two clocks may differ by that much
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class Guard(Protocol):
    """Stands before the webhooks' address."""

    @property
    def way(self) -> str:
        """How a sender proves itself, for the log."""
        ...

    @property
    def secret(self) -> Secret:
        """What must never be shown."""
        ...

    def is_address(self, path: str) -> bool:
        """Whether webhooks come to this path. Takes as long for a near miss as for a far one."""
        ...

    def refusal(self, authorization: str) -> str:
        """Why an event with this Authorization header is refused, without any part of it; empty when it is admitted."""
        ...


@dataclass(frozen=True)
class Signed:
    """Takes JSON Web Tokens, HS256, signed with the app's signing secret (API page "Authorization header").

    `audience` is the public URL that the token must name in `aud`; not looked at when empty.
    """

    secret: Secret
    audience: str = ""
    way: str = "a token signed with the app's secret"

    def is_address(self, path: str) -> bool:
        return path == PATH

    def refusal(self, authorization: str) -> str:
        import jwt

        token = authorization.removeprefix("Bearer ").strip()
        if not token:
            return "no Authorization header; only webhooks created with the app's own token carry one"
        try:
            jwt.decode(
                token,
                self.secret.reveal(),
                algorithms=["HS256"],
                audience=self.audience or None,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp"], "verify_aud": bool(self.audience)},
            )
        except jwt.ExpiredSignatureError:
            return "the token has expired; a clock may be wrong"
        except jwt.InvalidAudienceError:
            return "the token is meant for another address than --public-url"
        except jwt.InvalidTokenError as error:
            return f"the token cannot be accepted ({type(error).__name__})"
        return ""


@dataclass(frozen=True)
class Hidden:
    """Takes whatever comes to a path that only monday.com was told."""

    secret: Secret
    way: str = "an address nobody can guess"

    def is_address(self, path: str) -> bool:
        return hmac.compare_digest(path.encode(errors="replace"), f"{PATH}/{self.secret.reveal()}".encode())

    def refusal(self, authorization: str) -> str:
        del authorization
        return ""


def guard_from(environment: Mapping[str, str], state_folder: Path, *, audience: str = "") -> Guard:
    """The guard that the environment asks for: the signing secret if it is set, else a hidden address.

    The segment of the hidden address is taken from the environment or from a file in `state_folder`, which is made
    once, for the owner only, so that the address stays the same.
    Raises ConfigError for a secret that is too weak, a missing library or a folder that cannot be written.
    """
    secret = environment.get(SIGNING_VARIABLE, "")
    if secret:
        if len(secret) < SHORTEST_SECRET:
            raise ConfigError(
                f"{SIGNING_VARIABLE} has fewer than {SHORTEST_SECRET} characters, too few for a secret.",
                hint="copy the signing secret of your app: monday.com, Developers, your app, Basic Information",
            )
        _require_jwt()
        return Signed(Secret(secret), audience)
    segment = environment.get(SEGMENT_VARIABLE, "") or _kept_segment(state_folder)
    if len(segment) < SHORTEST_SEGMENT or not _PLAIN.issuperset(segment):
        raise ConfigError(
            f"The hidden part of the webhooks' address must have at least {SHORTEST_SEGMENT} letters, digits, - and _.",
            hint=f"unset {SEGMENT_VARIABLE} and delete {state_folder / SEGMENT_FILE}; a new one is made then",
        )
    return Hidden(Secret(segment))


def _kept_segment(folder: Path) -> str:
    path = folder / SEGMENT_FILE
    try:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = path.with_name(f"{SEGMENT_FILE}.{os.getpid()}")
            descriptor = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
            made.replace(path)
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigError(
            f"The webhooks' address cannot be kept in {path}: {error.strerror or error}.",
            hint=f"make the folder writable, or set {SEGMENT_VARIABLE}",
        ) from error


def _require_jwt() -> None:
    try:
        import jwt  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(
            "The tokens of webhooks cannot be verified: PyJWT is not installed.", hint='pip install "boardlift[listen]"'
        ) from error
