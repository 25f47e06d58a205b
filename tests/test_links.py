"""README and docs hold together: links and anchors exist, one title a page, no page that nobody can find."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from pages import DOCS, HOME, PAGES, README, anchors, blocks, headings, languages, links, name


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(HOME), f"{name(page)}: {link} leaves the repository"
        assert target.is_file(), f"{name(page)}: there is no {path}"
        if anchor:
            assert anchor in anchors(target), f"{name(page)}: {path or name(page)} has no heading #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_has_one_title_and_no_level_is_left_out(page: Path) -> None:
    assert page.read_text().startswith("# ")
    levels = [level for level, _ in headings(page)]
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_code_block_says_what_it_is(page: Path) -> None:
    """So that no Python is missed by the tests that run it."""
    assert languages(page) <= {"python", "bash", "text"}
    assert page.read_text().count("\n```") == 2 * sum(
        len(blocks(page, x)) for x in ("python", "bash", "text")
    )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_script_that_a_page_runs_is_there(page: Path) -> None:
    scripts = re.findall(r"\bexperiments/[\w/]+\.py", page.read_text())
    assert [x for x in scripts if not (HOME / x).is_file() and x != "experiments/mine.py"] == []


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "index.md"
    listed = {link.partition("#")[0] for link in links(index)}
    assert {page.relative_to(DOCS).as_posix() for page in PAGES[1:]} - listed == {"index.md"}


def test_the_readme_takes_five_minutes() -> None:
    assert len(README.read_text().splitlines()) <= 150
