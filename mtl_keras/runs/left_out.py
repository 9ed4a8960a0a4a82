"""What a model saves if all of its heads read below the encoder's last block."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtl_keras.encoders.text_encoder import TextEncoder


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """The blocks that a model leaves out of its encoder because no head reads them.

    Args:
        blocks: number of blocks left out.
        of_blocks: number of blocks of the whole encoder.
        parameters: number of parameters left out.
        of_parameters: number of parameters of the whole encoder.
        bytes: size of the weights left out.
    """

    blocks: int
    of_blocks: int
    parameters: int
    of_parameters: int
    bytes: int

    @classmethod
    def of(cls, whole: "TextEncoder", used: "TextEncoder") -> "LeftOut":
        """Compares the used part with the whole encoder."""
        before, after = _Size.of(whole), _Size.of(used)
        return cls(
            blocks=before.blocks - after.blocks,
            of_blocks=before.blocks,
            parameters=before.parameters - after.parameters,
            of_parameters=before.parameters,
            bytes=before.bytes - after.bytes,
        )

    @property
    def computation(self) -> float:
        """The estimated share of the encoder's computation, as if all blocks cost the same."""
        return self.blocks / self.of_blocks

    def to_json(self) -> dict[str, float]:
        """As plain values, with `computation`."""
        return asdict(self) | {"computation": self.computation}

    @classmethod
    def from_json(cls, record: dict[str, float]) -> "LeftOut":
        """The value that `to_json` wrote."""
        return cls(**{name: int(record[name]) for name in cls.__dataclass_fields__})

    def in_words(self) -> str:
        """The savings in a sentence.

        Example:

        >>> LeftOut(blocks=2, of_blocks=6, parameters=100, of_parameters=800, bytes=400).in_words()
        'No head reads above block_3: the encoder goes without 2 of its 6 blocks, which saves 100 \
of 800 parameters, 0.0 MiB of weights and about 33% of its computation.'
        """
        return (
            f"No head reads above block_{self.of_blocks - self.blocks - 1}: the encoder goes "
            f"without {self.blocks} of its {self.of_blocks} blocks, which saves "
            f"{self.parameters:,} of {self.of_parameters:,} parameters, "
            f"{self.bytes / 2**20:,.1f} MiB of weights and about {self.computation:.0%} of its "
            "computation."
        )


@dataclass(frozen=True)
class _Size:
    blocks: int
    parameters: int
    bytes: int

    @classmethod
    def of(cls, encoder: "TextEncoder") -> "_Size":
        sizes = [
            (math.prod(weight.shape), weight.value.dtype.size)
            for weight in encoder.transformer.weights
        ]
        parameters = sum(count for count, _ in sizes)
        return cls(len(encoder.layer_groups) - 1, parameters, sum(map(math.prod, sizes)))
