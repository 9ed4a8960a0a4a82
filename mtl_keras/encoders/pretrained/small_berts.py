"""The compact BERTs of Turc et al. by name: where their files are published.

Turc et al., 2019, "Well-read students learn better: on the importance of pre-training compact
models". Apache-2.0.
"""

import itertools
import re
from dataclasses import dataclass

from mtl_keras.errors import InputError, nearest

BLOCKS, WIDTHS = (2, 4, 6, 8, 10, 12), (128, 256, 512, 768)
WIDTH_OF_HEAD = 64
PREFIX = "small_bert/"


@dataclass(frozen=True)
class SmallBert:
    """One of the 24 shapes.

    Args:
        blocks: L of its name.
        width: H of its name.

    Example:

    >>> SmallBert(10, 128).hugging_face
    'google/bert_uncased_L-10_H-128_A-2'
    """

    blocks: int
    width: int

    @property
    def name(self) -> str:
        """As a source."""
        return f"{PREFIX}L-{self.blocks}_H-{self.width}"

    @property
    def tf_hub(self) -> str:
        """The handle of its SavedModel."""
        return f"https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_{self._shape}/2"

    @property
    def hugging_face(self) -> str:
        """Its repository."""
        return f"google/bert_uncased_{self._shape}"

    @property
    def _shape(self) -> str:
        return f"L-{self.blocks}_H-{self.width}_A-{self.width // WIDTH_OF_HEAD}"


SMALL_BERTS = {
    one.name: one for one in itertools.starmap(SmallBert, itertools.product(BLOCKS, WIDTHS))
}


def is_small_bert(source: str) -> bool:
    """Whether a source is named as one of these are."""
    return re.fullmatch(rf"{PREFIX}(bert_en_uncased_)?L-\d+_H-\d+(_A-\d+)?", source) is not None


def small_bert(source: str) -> SmallBert:
    """The one of this name, which may be that of TF Hub.

    Raises:
        InputError: there is none of this shape.

    Example:

    >>> small_bert("small_bert/bert_en_uncased_L-4_H-512_A-8")
    SmallBert(blocks=4, width=512)
    """
    name = re.sub(r"bert_en_uncased_|_A-\d+$", "", source)
    if name not in SMALL_BERTS:
        raise InputError(
            f"no compact BERT of this shape; there are {PREFIX}L-<blocks>_H-<width> with "
            f"{', '.join(map(str, BLOCKS))} blocks and widths of {', '.join(map(str, WIDTHS))}"
            f"{nearest(name, SMALL_BERTS)}"
        )
    return SMALL_BERTS[name]
