"""Charts that a notebook shows, without pyplot."""

import io

from matplotlib.figure import Figure


class Chart(Figure):
    """A figure with panels one above the other, in its `axes`.

    A notebook shows it as SVG; `savefig` writes it to a file.

    Args:
        panels: how many.
        width: in inches.
        height: of a panel, in inches.

    Example:

    >>> len(Chart(panels=2).axes)
    2
    """

    def __init__(self, panels: int = 1, *, width: float = 6.0, height: float = 2.6):
        super().__init__(figsize=(width, height * panels), layout="constrained")
        for row in range(panels):
            self.add_subplot(panels, 1, row + 1)

    def _repr_svg_(self) -> str:
        document = io.StringIO()
        self.savefig(document, format="svg", metadata={"Date": None})
        return document.getvalue()
