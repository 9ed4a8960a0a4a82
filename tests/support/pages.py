"""What stands in the pages for readers: their fenced blocks, and their links."""

import re
from pathlib import Path

from support.places import ROOT

PAGES = sorted(
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "benchmarks", ROOT / "examples")
    for path in folder.glob("*.md" if folder == ROOT else "**/*.md")
    if "comparison" not in path.parent.name
)


def blocks(page: Path, language: str) -> list[str]:
    """The texts of a page's fenced blocks of a language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    """The relative links of a page, without anchors."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    paths = (target.partition("#")[0] for target in targets if "://" not in target)
    return [path for path in paths if path]
