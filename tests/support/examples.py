"""The examples of the documentation as values: fenced blocks, commands with their output, links.

Conventions of README.md and docs/:

- `console`  lines after `$ ` are run in order, what follows is their output: `...` stands for anything
- `sql`      is run on the page's destination; a following block `text output` is its result
- `yaml`     is read by `settings.load`; with `# boardlift.yaml` as its first line the page goes on with it
- `python`   is run
- `text`     is output or a figure
- anything else cannot run here and needs `<!-- not run: REASON -->` above it; so does a block that must not run
- `<!-- scene: NAME -->` has something happen to the account or the database before what follows
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTED = frozenset({"console", "sql", "yaml", "python", "text"})

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
_COMMENT = re.compile(r"<!-- (?P<word>not run|scene|page): (?P<said>[^\n]*?) -->")
_LINK = re.compile(r"\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.M)


@dataclass(frozen=True)
class Block:
    """One fenced block, or the name of a scene between blocks."""

    page: Path
    line: int
    language: str
    info: str
    text: str
    not_run: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A line after `$ `, with the lines that continue it, and the output written under it."""

    line: str
    output: str


def pages() -> list[Path]:
    """Every page of the documentation, those that are generated too."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def page_words(page: Path) -> set[str]:
    """What `<!-- page: WORD -->` says about the whole page."""
    found = _COMMENT.finditer(page.read_text(encoding="utf-8"))
    return {match["said"] for match in found if match["word"] == "page"}


def blocks(page: Path) -> list[Block]:
    """The blocks and scenes of a page, in order."""
    text = page.read_text(encoding="utf-8")
    fences = list(_FENCE.finditer(text))
    inside = [(match.start(), match.end()) for match in fences]
    comments = [m for m in _COMMENT.finditer(text) if not any(a <= m.start() < b for a, b in inside)]
    found = [
        (match.start(), Block(page, _line(text, match.start()), "scene", "", match["said"]))
        for match in comments
        if match["word"] == "scene"
    ]
    for match in fences:
        language, _, info = match["info"].strip().partition(" ")
        before = [c for c in comments if c["word"] == "not run" and c.end() <= match.start()]
        above = [c for c in before if not text[c.end() : match.start()].strip()]
        body = "\n".join(line.removeprefix(match["indent"]) for line in match["text"].splitlines())
        reason = above[0]["said"] if above else ""
        found.append((match.start(), Block(page, _line(text, match.start()), language, info, body, reason)))
    return [block for _, block in sorted(found, key=lambda pair: pair[0])]


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        lines = part.split("\n")
        end = next(number for number, line in enumerate(lines, start=1) if not line.endswith("\\"))
        yield Command(" ".join(line.rstrip("\\").strip() for line in lines[:end]), "\n".join(lines[end:]).strip())


def links(page: Path) -> Iterator[str]:
    """The targets of the page's links that are not addresses of the web."""
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for match in _LINK.finditer(re.sub(r"`[^`\n]*`", "", prose)):
        if not re.match(r"[a-z]+:", match["target"]):
            yield match["target"]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in _HEADING.findall(prose)}


def matches(expected: str, actual: str) -> bool:
    """Whether an output is what the page says; numbers that differ from run to run do not count."""
    parts = [re.escape(part) for part in re.split(r"\s*\.\.\.\s*", _plain(expected))]
    return re.fullmatch(".*?".join(parts), _plain(actual), re.S) is not None


def _plain(text: str) -> str:
    """Without what no two runs share: times, run ids, durations, widths of columns."""
    text = re.sub(r"\d{8}T\d{6}-[0-9a-f]{4}", "<run>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<moment>", text)
    text = re.sub(r"\b\d\d:\d\d:\d\d\b", "<time>", text)
    text = re.sub(r"\b\d+\.\d\d?\b(?! GB)", "<seconds>", text)
    text = re.sub(r"\b\d+ ms\b", "<ms>", text)
    text = re.sub(r"(\S+@\S+, )?\b(process|pid) \d+\b", "<process>", text)
    text = re.sub(r"-{2,}", "-", text)
    return " ".join(text.split())


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
