"""Labels and texts that attack where they are shown."""

import unicodedata

LABELS = [
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "c1 \x9b31m",
    "bell\x07, back\b\b, delete\x7f",
    "right \u202eot tfel",
    "isolated \u2066\u2069",
    "two\nlines\r\nthree\ttab",
    "lines\u2028of\u2029Unicode\x85\x0b\x0c, end",
    "zero\u200bwidth\ufeff \U000e0041",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script><!--card-->",
    '"><img src=x onerror="alert(1)">',
    "a | b | c",
    "`code`",
    "[click](javascript:alert(1))",
    "![image](https://evil.example/x.png)",
    "https://evil.example www.evil.example",
    "**bold** _italic_ ~~gone~~ $x$ &amp; \\",
    "# heading",
    "- item",
    "1. item",
    "---",
    "=cmd|' /C calc'!A0",
    "__proto__",
]


def hidden(text: str, *, kept: str = "\n") -> set[str]:
    """The characters of a text that cannot be seen, or change how others are shown."""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return {character for character in text if unicodedata.category(character) in bad} - {*kept}
