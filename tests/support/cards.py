"""Parts of a model card."""

import re


def rows(card: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its header."""
    section = card.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def block(card: str, language: str) -> str:
    return re.search(rf"```{language}\n(.*?)\n```", card, re.DOTALL)[1]
