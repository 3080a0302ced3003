"""Every link of README.md and docs/ leads somewhere, and every page can be reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.examples import ROOT, anchors, links, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_resolve(page: Path) -> None:
    """Files exist, and so do the headings that are named."""
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_linked_from_another() -> None:
    """Nobody finds a page that nothing points at."""
    reached = {
        (page.parent / link.partition("#")[0]).resolve() for page in pages() for link in links(page) if link[0] != "#"
    }
    assert [page.name for page in pages() if page.resolve() not in reached and page.name != "README.md"] == []
