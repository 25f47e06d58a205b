"""The README and the pages of docs/, as text: their code blocks, headings and links."""

import re
from pathlib import Path

HOME = Path(__file__).parent.parent
README = HOME / "README.md"
DOCS = HOME / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


def name(page: Path) -> str:
    """A page's path inside the repository."""
    return page.relative_to(HOME).as_posix()


def blocks(page: Path, language: str = "python") -> list[str]:
    """The code blocks of a page in one language."""
    return [code for result, code in FENCE.findall(page.read_text()) if result == language]


def languages(page: Path) -> set[str]:
    """What its code blocks are labelled as."""
    return {result for result, _ in FENCE.findall(page.read_text())}


def prose(page: Path) -> str:
    """A page without its code."""
    return re.sub(r"`[^`\n]+`", "", FENCE.sub("", page.read_text()))


def headings(page: Path) -> list[tuple[int, str]]:
    """Level and text of each heading."""
    lines = re.findall(r"^(#+) (.+)$", FENCE.sub("", page.read_text()), flags=re.MULTILINE)
    return [(len(marks), text) for marks, text in lines]


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub and MyST make them.

    >>> "the-same-with-a-bar-hooks-and-stop-rules" in anchors(DOCS / "loop.md")
    True
    """
    made: list[str] = []
    for _, text in headings(page):
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        repeats = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in made)
        made.append(f"{anchor}-{repeats}" if repeats else anchor)
    return set(made)


def links(page: Path) -> list[str]:
    """The targets of its links and images, without those of other sites."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]
