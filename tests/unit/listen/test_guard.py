"""Only who holds the secret comes in, and the secret never comes out."""

from __future__ import annotations

import base64
import json
import stat
import sys
import time
from pathlib import Path

import pytest

from boardlift.errors import ConfigError
from boardlift.listen.guard import PATH, SEGMENT_FILE, Hidden, Signed, guard_from
from boardlift.settings import Secret
from support.listening import SIGNING_SECRET, token

GUARD = Signed(Secret(SIGNING_SECRET))


def unsigned() -> str:
    """A token that says it needs no signature."""
    parts = [{"alg": "none", "typ": "JWT"}, {"exp": int(time.time()) + 300}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_a_token_signed_with_the_secret_is_admitted(prefix: str) -> None:
    assert GUARD.refusal(prefix + token(aud="https://example.com/anything")) == ""


def test_two_clocks_may_differ_a_little() -> None:
    assert GUARD.refusal(token(expires_in=-5)) == ""


BAD = {
    "nothing": "",
    "only a word": "Bearer ",
    "no token": "let me in",
    "another secret": token("f" * 64),
    "expired": token(expires_in=-120),
    "no signature": unsigned(),
    "another algorithm": token("0" * 64, algorithm="HS512"),
    "the right secret, another algorithm": token(algorithm="HS384"),
    "cut off": token()[:-4],
    "not ASCII": "ü.ü.ü",
}


@pytest.mark.parametrize("bad", BAD)
def test_any_other_is_refused(bad: str) -> None:
    """The reason holds neither the token nor the secret."""
    reason = GUARD.refusal(BAD[bad])
    assert reason
    assert SIGNING_SECRET not in reason
    assert not BAD[bad].strip() or BAD[bad] not in reason


def test_a_token_without_an_end_is_refused() -> None:
    import jwt

    assert GUARD.refusal(jwt.encode({"accountId": 1}, SIGNING_SECRET, "HS256"))


def test_a_token_for_another_address_is_refused_where_ours_is_known() -> None:
    guard = Signed(Secret(SIGNING_SECRET), "https://hooks.example.com/webhooks/monday")
    assert guard.refusal(token(aud="https://hooks.example.com/webhooks/monday")) == ""
    assert "another address" in guard.refusal(token(aud="https://elsewhere.example.com"))
    assert guard.refusal(token())


def test_the_hidden_address_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first, second = guard_from({}, state), guard_from({}, state)
    assert isinstance(first, Hidden) and isinstance(second, Hidden)
    segment = first.secret.reveal()
    assert len(segment) >= 40
    assert second.secret.reveal() == segment
    assert guard_from({}, tmp_path / "other").secret.reveal() != segment
    assert segment not in repr(first)
    assert [path.name for path in state.iterdir()] == [SEGMENT_FILE]
    if sys.platform != "win32":
        assert stat.S_IMODE((state / SEGMENT_FILE).stat().st_mode) == 0o600


def test_only_the_whole_hidden_address_is_an_address(tmp_path: Path) -> None:
    guard = guard_from({"BOARDLIFT_WEBHOOK_SEGMENT": "A" * 22}, tmp_path)
    assert guard.is_address(f"{PATH}/{'A' * 22}")
    wrong = [PATH, f"{PATH}/", f"{PATH}/{'A' * 21}", f"{PATH}/{'A' * 23}", f"{PATH}/{'a' * 22}", f"{PATH}/ü", ""]
    assert [path for path in wrong if guard.is_address(path)] == []


def test_the_signing_secret_comes_before_the_hidden_address(tmp_path: Path) -> None:
    guard = guard_from({"MONDAY_SIGNING_SECRET": SIGNING_SECRET}, tmp_path)
    assert isinstance(guard, Signed)
    assert guard.is_address(PATH)
    assert list(tmp_path.iterdir()) == []
    assert SIGNING_SECRET not in repr(guard)


@pytest.mark.parametrize(
    "environment",
    [
        {"MONDAY_SIGNING_SECRET": "short"},
        {"BOARDLIFT_WEBHOOK_SEGMENT": "guessable"},
        {"BOARDLIFT_WEBHOOK_SEGMENT": "with/slash/and/more/of/it"},
    ],
)
def test_a_weak_secret_is_refused_without_being_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as refused:
        guard_from(environment, tmp_path)
    assert all(value not in refused.value.message for value in environment.values())


def test_a_state_folder_that_cannot_be_written_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be kept"):
        guard_from({}, tmp_path / "state")
