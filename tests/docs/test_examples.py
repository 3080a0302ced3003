"""Every example of README.md and docs/ runs and says what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from boardlift.settings import load
from docs.scenes import SCENES
from support.examples import ROOT, TESTED, Block, blocks, commands, matches, page_words, pages
from support.stage import Stage, stage

MOST_NOT_RUN = 12
GENERATED = ROOT / "docs" / "reference"
WRITTEN = [page for page in pages() if GENERATED not in page.parents]
WITH_EXAMPLES = [
    page for page in WRITTEN if any(b.language in TESTED - {"text"} and not b.not_run for b in blocks(page))
]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_the_examples_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """In the order of the page, in one folder, against one small account."""
    found = blocks(page)
    words = page_words(page)
    postgres = str(request.getfixturevalue("postgres_url")) if "postgresql" in words else ""
    with stage(tmp_path, monkeypatch, configured="from nothing" not in words, postgres=postgres) as here:
        for number, block in enumerate(found):
            follows = found[number + 1] if number + 1 < len(found) else None
            if not block.not_run:
                run(block, follows, here)


def run(block: Block, follows: Block | None, here: Stage) -> None:
    match block.language:
        case "scene":
            SCENES[block.text](here)
        case "yaml":
            read_yaml(block, here)
        case "python":
            exec(compile(here.here(block.text), str(block), "exec"), {"__name__": "example"})
        case "sql":
            actual = here.back(here.query(block.text))
            if follows is not None and (follows.language, follows.info) == ("text", "output"):
                assert matches(follows.text, actual), differs(follows, block.text, follows.text, actual)
        case "console":
            for command in commands(block):
                actual = here.run(command.line)
                assert matches(command.output, actual), differs(block, command.line, command.output, actual)
                refused = re.search(r"^error: ", actual, re.M) is not None
                assert not refused or here.code in (1, 2), f"{block}: {command.line} ended with {here.code}"


def differs(block: Block, what: str, expected: str, actual: str) -> str:
    return f"{block}: {what}\n--- the page says\n{expected}\n--- it prints\n{actual}"


def read_yaml(block: Block, here: Stage) -> None:
    """A whole boardlift.yaml, or a part of one, is what `settings.load` takes."""
    text = here.here(block.text)
    document = yaml.safe_load(text)
    for variable in set(re.findall(r"\$\{(\w+)\}", text)) - {"MONDAY_API_TOKEN"}:
        here.patch.setenv(variable, "value")
    if text.startswith("# boardlift.yaml"):
        Path("boardlift.yaml").write_text(text, encoding="utf-8")
        assert load(Path("boardlift.yaml")).settings
        return
    part = Path("part.yaml")
    part.write_bytes(msgspec.yaml.encode({"destination": "duckdb:///part.duckdb", **document}))
    assert load(part).settings, str(block)


def test_few_examples_cannot_run() -> None:
    """A block that is neither run nor read says why, and there are few."""
    every = [block for page in WRITTEN for block in blocks(page) if block.language != "scene"]
    silent = [str(block) for block in every if block.language not in TESTED and not block.not_run]
    assert silent == []
    assert len([block for block in every if block.not_run]) <= MOST_NOT_RUN


def test_no_command_hides_in_plain_text() -> None:
    """A `$ ` in a text block would look tested and not be."""
    every = [block for page in WRITTEN for block in blocks(page) if block.language == "text"]
    assert [str(block) for block in every if re.search(r"^\$ ", block.text, re.M)] == []
