"""What is too pale in the pictures of a page, on its light ground or on its dark one."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from mtl_keras.reports.page import STYLE_SHEET

TEXT, GRAPHICS = 4.5, 3.0  # WCAG 2.2, contrast (minimum) and non-text contrast
BLACK = "#000000"  # of words in cells
DECORATION = ("var(--paper)", "var(--line)", "none")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, `#rrggbb`."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def too_pale(page: str) -> list[tuple]:
    """The marks and words of a page's pictures that stand out too little, each with its contrast.

    Bands, which are translucent, and lines of the grid are decoration.
    """
    pictures = [*map(ElementTree.fromstring, re.findall(r"<svg.*?</svg>", page, re.DOTALL))]
    assert pictures
    light, dark = _schemes()
    return [
        (kind, colour, ground, round(ratio, 2))
        for kind, colour, ground, least in {pair for svg in pictures for pair in _pairs(svg)}
        for of_page in (light, dark)
        if (ratio := contrast(of_page.get(colour, colour), of_page.get(ground, ground))) < least
    ]


def _schemes() -> list[dict[str, str]]:
    """A page's own colours, by `var(--name)`: in light, then in dark."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE_SHEET, re.DOTALL)
    return [
        {f"var({name})": colour for name, colour in re.findall(r"(--\w+): (#\w{6});", block)}
        for block in blocks
    ]


def _pairs(svg: ElementTree.Element) -> Iterator[tuple[str, str, str, float]]:
    """Kind, colour, what is behind it, and the least contrast of all that is drawn."""
    for element in svg.iter():
        style = dict(re.findall(r"([\w-]+): ([^;]+)", element.get("style", "")))
        fill, stroke = style.get("fill", BLACK), style.get("stroke", "none")
        if element.tag == "text":
            if fill != BLACK:
                yield "words", fill, "var(--paper)", TEXT
        elif "opacity" not in " ".join(style) and style and "url" not in fill:
            if stroke not in DECORATION:
                yield "line", stroke, "var(--paper)", GRAPHICS
            elif fill not in DECORATION:
                yield "area", fill, "var(--paper)", GRAPHICS
            if stroke == "var(--soft)" and fill.startswith("#"):
                yield "words in a cell", BLACK, fill, TEXT


def _luminance(colour: str) -> float:
    levels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
