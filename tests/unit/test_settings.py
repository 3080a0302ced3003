"""boardlift.yaml: read once, checked, secrets hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from boardlift.errors import ConfigError
from boardlift.settings import IndexSettings, Secret, json_schema, load, without_password

TOKEN = "tok-en-of-a-test"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONDAY_API_TOKEN", TOKEN)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("NOBODY_SETS_THIS", raising=False)


def written(folder: Path, text: str) -> Path:
    path = folder / "boardlift.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    """Everything but the destination has a default; a relative path counts from the file."""
    loaded = load(written(tmp_path, "destination: duckdb:///warehouse.duckdb\n"))
    assert loaded.destination.reveal() == f"duckdb:///{tmp_path.as_posix()}/warehouse.duckdb"
    assert loaded.token.reveal() == TOKEN
    assert loaded.settings.boards[0].match == "*"
    assert loaded.state_folder == tmp_path / ".boardlift"
    loaded = load(written(tmp_path, "destination: sqlite:///data/warehouse.db?x=1\n"))
    assert loaded.destination.reveal() == f"sqlite:///{tmp_path.as_posix()}/data/warehouse.db?x=1"


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_only_a_relative_file_counts_from_the_configuration(tmp_path: Path, engine: str) -> None:
    """Absolute paths, options and what is no file stay as they are written."""
    here = tmp_path.as_posix()
    cases = {
        f"{engine}:///../data/w.db": f"{engine}:///{here}/../data/w.db",
        f"{engine}:///w.db?threads=2": f"{engine}:///{here}/w.db?threads=2",
        f"{engine}:////data/w.db": f"{engine}:////data/w.db",
        f"{engine}:///:memory:": f"{engine}:///:memory:",
        f"{engine}://": f"{engine}://",
    }
    found = {url: load(written(tmp_path, f"destination: {url!r}\n")).destination.reveal() for url in cases}
    assert found == cases


def test_variables_are_filled_in_after_parsing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value from the environment can never become structure."""
    monkeypatch.setenv("WAREHOUSE_URL", "postgresql://u:pw@h/db\nboards: []")
    loaded = load(written(tmp_path, "destination: ${WAREHOUSE_URL}\n"))
    assert loaded.destination.reveal().endswith("boards: []")
    assert loaded.settings.boards[0].match == "*"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("- a\n", "is empty"),
        ("destination: [\n", "not valid YAML"),
        ("boards: []\n", "missing required field `destination`"),
        ("destination: x\nbords: []\n", "unknown field `bords`"),
        ("destination: x\nnamespace: 'Bad Name'\n", "namespace"),
        ("destination: x\nboards: [{}]\n", "either an id or a match"),
        ("destination: x\nboards: [{id: 1, match: a}]\n", "either an id or a match"),
        ("destination: x\nboards: [{id: abc}]\n", "boards[0].id"),
        ("destination: x\nboards: [{id: 1, columns: {a: {type: money}}}]\n", "'money' is not a column type"),
        ("destination: x\ndefaults: {types: {numbers: money}}\n", "'money' is not a column type"),
        ("destination: ${NOBODY_SETS_THIS}\n", "NOBODY_SETS_THIS, which is not set"),
        ("destination: x\naccount: {token: '${NOBODY_SETS_THIS}'}\n", "No monday.com API token"),
        ("destination: x\naccount: {page_size: 501}\n", "page_size"),
        ("destination: x\ndefaults: {replace: gently}\n", "defaults.replace"),
        ("destination: x\nboards: [{id: 1, replace: inplace}]\n", "boards[0].replace"),
        ("destination: x\nboards: [{id: 1, indexes: [status]}]\n", "boards[0].indexes[0]"),
        ("destination: x\nboards: [{id: 1, indexes: [[]]}]\n", "boards[0].indexes[0]"),
        ("destination: x\nboards: [{id: 1, indexes: [{columns: [a], uniq: true}]}]\n", "unknown field `uniq`"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, words: str) -> None:
    """A typo is an error with the key in it, and a hint."""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text))
    assert words in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Binary rubbish gives a sentence, not a traceback."""
    path = tmp_path / "boardlift.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path)


def test_a_secret_never_shows_itself() -> None:
    """Not in repr, not in str, not in a format."""
    secret = Secret(TOKEN)
    assert TOKEN not in f"{secret!r} {secret} {[secret]}"
    assert secret.reveal() == TOKEN


def test_a_password_is_cut_out_of_a_url() -> None:
    """Everything else stays readable."""
    assert without_password("postgresql://u:pw@h:5/db?x=1") == "postgresql://u:****@h:5/db?x=1"
    assert without_password("duckdb:///w.duckdb") == "duckdb:///w.duckdb"


def test_the_schema_for_editors_names_every_key() -> None:
    """It is made from the same structs that read the file."""
    schema = json_schema()
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    assert set(definitions["Settings"]["properties"]) >= {"account", "destination", "namespace", "defaults", "boards"}


def test_indexes_are_written_short_or_long(tmp_path: Path) -> None:
    """A list of columns, or a mapping that can say more."""
    indexes = "[[status, due], {columns: [code], unique: true}]"
    text = f"destination: x\nboards: [{{id: 1, indexes: {indexes}, replace: in_place}}]"
    (board,) = load(written(tmp_path, text)).settings.boards
    assert board.indexes == [["status", "due"], IndexSettings(columns=["code"], unique=True)]
    assert board.replace == "in_place"


@pytest.mark.parametrize("name", ["monday__boardlift", "load_test", "monday_rehearsal", "mysql", "information_schema"])
def test_a_namespace_that_is_not_free_is_refused(tmp_path: Path, name: str) -> None:
    """What boardlift or an engine makes under such a name must never meet a person's tables."""
    with pytest.raises(ConfigError, match=f"{name}` is taken: there "):
        load(written(tmp_path, f"destination: duckdb:///w.duckdb\nnamespace: {name}\n"))
