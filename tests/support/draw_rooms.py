"""Draws `docs/rooms.svg` from the table of rooms: `python tests/support/draw_rooms.py`."""

import ast
import html
import textwrap
from pathlib import Path

from support.rooms import PACKAGE, ROOMS, modules, room_of

PICTURE = PACKAGE.parent / "docs/rooms.svg"
WIDTH, MARGIN, LINE, LETTERS = 860, 16, 19, 98  # letters of a module line
STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1b2733 }
.room { font-weight: 600; font-size: 15px } .modules { fill: #52606d }
rect { fill: #f4f6f8; stroke: #b8c2cc } .inner { fill: #ffffff }
path { stroke: #1b2733; fill: none; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6eaee } .modules { fill: #a5b1bd } path { stroke: #e6eaee }
  rect { fill: #1d252d; stroke: #46525e } .inner { fill: #28323c }
}"""


def sentence_of(room: str) -> str:
    """The sentence on a room's door: of a folder's `__init__`, or of a module."""
    path = PACKAGE / room
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]


def picture() -> str:
    """The rooms in their order, each with its sentence and its modules, as SVG."""
    shapes: list[str] = []
    top = MARGIN
    for room in ROOMS:
        if "/" not in room:
            drawn, height = _room(room, top)
            shapes += drawn
            top += height + 10
    shapes.append(_arrow(top))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + MARGIN}" '
        'role="img" aria-label="The rooms of mtl_keras: each may import the rooms above it">\n'
        f"<style>{STYLE}</style>\n" + "\n".join(shapes) + "\n</svg>\n"
    )


def _room(room: str, top: int) -> tuple[list[str], int]:
    """The shapes of a room with the rooms inside it, and its height."""
    shapes = [
        _text(56, top + 22, room, "room"),
        _text(56 + 9 * len(room) + 24, top + 22, sentence_of(room)),
    ]
    bottom = top + 32
    for inner in (name for name in ROOMS if name.startswith(f"{room}/")):
        lines = _lines(inner)
        height = 26 + LINE * len(lines)
        name = inner.removeprefix(f"{room}/")
        size = f'width="{WIDTH - 100}" height="{height}"'
        shapes += [
            f'<rect class="inner" x="68" y="{bottom}" {size} rx="6"/>',
            _text(80, bottom + 20, name, "room"),
            _text(80 + 9 * len(name) + 24, bottom + 20, sentence_of(inner)),
            *_module_lines(lines, 80, bottom + 20),
        ]
        bottom += height + 6
    lines = _lines(room)
    shapes += _module_lines(lines, 56, bottom - 2)
    height = bottom + LINE * len(lines) + 8 - top
    box = f'<rect x="44" y="{top}" width="{WIDTH - 60}" height="{height}" rx="8"/>'
    return [box, *shapes], height


def _lines(room: str) -> list[str]:
    names = [name.rpartition(".")[2] for name in modules() if room_of(name) == room != name]
    return textwrap.wrap(" · ".join(names), LETTERS)


def _module_lines(lines: list[str], left: int, above: int) -> list[str]:
    return [
        _text(left, above + LINE * number, line, "modules") for number, line in enumerate(lines, 1)
    ]


def _text(left: int, base: int, words: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{left}" y="{base}">{html.escape(words)}</text>'


def _arrow(bottom: int) -> str:
    return (
        f'<path d="M24 {bottom - 12} V{MARGIN + 4} l-6 10 m6 -10 l6 10"/>'
        f'<text transform="translate(16 {bottom // 2}) rotate(-90)">may import</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(Path(PICTURE).relative_to(PACKAGE.parent))
