"""What strangers wrote, made safe for where it is shown: a line, a terminal, JSON, Markdown, HTML.

Labels, texts and names of files may hold anything. Characters that cannot be seen, or that change
how others are shown (ANSI escapes, C0 and C1 controls, directions of writing, line separators,
halves of surrogate pairs), are shown as Python's escapes: `\\x1b`, `\\u202e`.
"""

import json
import re
import sys
import unicodedata
from html import escape
from typing import TextIO

JOINERS = "\u200c\u200d"  # stand inside words of Persian and Hindi, and inside emoji
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # general categories of Unicode
# What Markdown, or GitHub's, may take for its own: signs (`_` inside a word is none), the dots and
# colons of addresses that become links, what makes a list, a rule or a heading of a line.
MARKDOWN = re.compile(
    r"[\\`*\[\]<>#|~&$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.|^[-+=]+(?=\s|$)|^\d+[.)](?=\s|$)",
    re.IGNORECASE,
)


class Markdown(str):
    """Text that is Markdown already."""


def one_line(text: str) -> str:
    """A text on one line, in which all is seen.

    Example:

    >>> one_line("two\\nlines, \\x1b[31mred")
    'two\\\\nlines, \\\\x1b[31mred'
    """
    return _escaped(text, kept="")


def in_terminal(text: str) -> str:
    """A text whose lines and tabs are kept, and in which all else is seen."""
    return _escaped(text, kept="\n\t")


def in_json(document: str) -> str:
    """A JSON document for a terminal: what is hidden stands there as JSON's escapes.

    Example:

    >>> in_json('{"label": "\\u202e"}')
    '{"label": "\\\\u202e"}'
    """
    return "".join(
        json.dumps(character)[1:-1] if _is_hidden(character) and character != "\n" else character
        for character in document
    )


def in_markdown(text: str) -> Markdown:
    """A text as one line of Markdown that means nothing of its own; `Markdown` stays as it is.

    Example:

    >>> in_markdown("[a](b) | snake_case")
    '\\\\[a\\\\](b) \\\\| snake_case'
    """
    if isinstance(text, Markdown):
        return text
    line = " ".join(one_line(text).split())
    return Markdown(MARKDOWN.sub(lambda match: _backslashed(match[0]), line))


def in_html(text: str) -> str:
    """A text as one line of HTML, also inside a quoted attribute."""
    return escape(one_line(text))


def show(text: str, file: TextIO | None = None) -> None:
    """Prints a text, by default to stdout; its lines and tabs are kept."""
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
    """Each sign after a backslash; digits, which need none, stay as they are."""
    return "".join(sign if sign.isalnum() else f"\\{sign}" for sign in signs)
