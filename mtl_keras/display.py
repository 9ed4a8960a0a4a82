"""Makes untrusted text safe to show: on one line, in a terminal, in JSON, Markdown or HTML.

Labels, texts and file names may hold any character. Characters that are invisible, or that change
how others are shown (ANSI escapes, C0 and C1 controls, writing directions, line separators, halves
of surrogate pairs), are shown as Python escapes: `\\x1b`, `\\u202e`.
"""

import json
import re
import sys
import unicodedata
from html import escape
from typing import TextIO

JOINERS = "\u200c\u200d"  # occur inside words of Persian and Hindi, and inside emoji
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # general categories of Unicode
# What Markdown (or GitHub's) gives a meaning: punctuation (but not `_` inside a word), the dots and
# colons of addresses that become links, and what starts a list, a rule or a heading.
MARKDOWN = re.compile(
    r"[\\`*\[\]<>#|~&$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.|^[-+=]+(?=\s|$)|^\d+[.)](?=\s|$)",
    re.IGNORECASE,
)


class Markdown(str):
    """Text that is Markdown already."""


def one_line(text: str) -> str:
    """A text on one line, with hidden characters escaped.

    Example:

    >>> one_line("two\\nlines, \\x1b[31mred")
    'two\\\\nlines, \\\\x1b[31mred'
    """
    return _escaped(text, kept="")


def in_terminal(text: str) -> str:
    """A text with its line feeds and tabs, and with all other hidden characters escaped."""
    return _escaped(text, kept="\n\t")


def in_json(document: str) -> str:
    """A JSON document for a terminal, with hidden characters as JSON escapes.

    Example:

    >>> in_json('{"label": "\\u202e"}')
    '{"label": "\\\\u202e"}'
    """
    return "".join(
        json.dumps(character)[1:-1] if _is_hidden(character) and character != "\n" else character
        for character in document
    )


def in_markdown(text: str) -> Markdown:
    """A text on one line, with Markdown's special characters escaped; `Markdown` is unchanged.

    Example:

    >>> in_markdown("[a](b) | snake_case")
    '\\\\[a\\\\](b) \\\\| snake_case'
    """
    if isinstance(text, Markdown):
        return text
    line = " ".join(one_line(text).split())
    return Markdown(MARKDOWN.sub(lambda match: _backslashed(match[0]), line))


def in_html(text: str) -> str:
    """A text on one line, escaped for HTML, inside quoted attributes too."""
    return escape(one_line(text))


def show(text: str, file: TextIO | None = None) -> None:
    """Prints a text, by default to stdout, with hidden characters escaped."""
    print(in_terminal(text), file=file or sys.stdout)


def _escaped(text: str, kept: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1] if _is_hidden(character) and character not in kept else character
        for character in text
    )


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN and character not in JOINERS


def _backslashed(signs: str) -> str:
    """Puts a backslash before each character, except digits, which need none."""
    return "".join(sign if sign.isalnum() else f"\\{sign}" for sign in signs)
