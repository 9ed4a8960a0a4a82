"""The shape of an encoder, and how its architecture differs from BERT's."""

import dataclasses
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from mtl_keras.errors import InputError, shown

POOLINGS = ("mean", "cls", "pooler", "last")
# The range of each size, with room above the largest published encoders.
RANGES: dict[str, tuple[float, float]] = {
    "vocabulary_size": (1, 10_000_000),
    "hidden_dim": (1, 100_000),
    "num_layers": (1, 1_000),
    "num_heads": (1, 10_000),
    "intermediate_dim": (1, 1_000_000),
    "max_position": (1, 10_000_000),
    "num_segments": (0, 10_000),
    "norm_epsilon": (0.0, 0.1),
    "dropout": (0.0, 0.99),
}


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The shape of an encoder. The defaults are BERT's (Devlin et al., 2019).

    Args:
        vocabulary_size: rows of the token table.
        hidden_dim: width of a token vector.
        num_layers: number of blocks.
        num_heads: attention heads per block.
        intermediate_dim: width of the feed-forward layer.
        max_position: rows of the position table, which is the longest input in word pieces.
        num_segments: rows of the segment table; 0 if there is none.
        approximate_gelu: whether GELU uses its tanh form (Google's BERT, GPT-2), not the erf form.
        norm_epsilon: added to the variance in layer norms.
        dropout: rate in training, for hidden states and attention weights.
        normalize_first: whether the input of each sub-layer and the top block's output are
            normalised (Radford et al., 2019, "Language models are unsupervised multitask
            learners"), rather than each sum and the embeddings.
        causal: whether a word piece attends only to itself and those before it.
        attention_windows: for each causal block, how many word pieces each one attends to, itself
            included; 0 means all. Empty means all in every block.
        scale_attention: whether queries are divided by the square root of a head's size.
        attention_bias: whether queries, keys and values have a bias.
        pooler: whether there is a tanh layer on the first token (`pooled_output`).
        pooling: how `sentence_embedding` is made: `mean` over real tokens, `cls` (the first token's
            vector), `pooler`, or `last` (the last real token's vector).

    Raises:
        ValueError: the shape is impossible.
        InputError: a number is not in its range (`RANGES`).
    """

    vocabulary_size: int
    hidden_dim: int
    num_layers: int
    num_heads: int
    intermediate_dim: int
    max_position: int = 512
    num_segments: int = 2
    approximate_gelu: bool = False
    norm_epsilon: float = 1e-12
    dropout: float = 0.1
    normalize_first: bool = False
    causal: bool = False
    attention_windows: Sequence[int] = ()
    scale_attention: bool = True
    attention_bias: bool = True
    pooler: bool = False
    pooling: str = "mean"

    def __post_init__(self) -> None:
        for name in RANGES:
            check_number(getattr(self, name), name, name)
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim must be a multiple of num_heads. "
                f"Received: hidden_dim={self.hidden_dim}, num_heads={self.num_heads}"
            )
        if self.pooling not in POOLINGS or (self.pooling == "pooler" and not self.pooler):
            raise ValueError(
                f"pooling must be one of {POOLINGS}, 'pooler' only if there is one. "
                f"Received: {self.pooling!r}, pooler={self.pooler}"
            )
        windows = tuple(self.attention_windows)  # a list if it was read from JSON
        object.__setattr__(self, "attention_windows", windows)
        if windows and (len(windows) != self.num_layers or min(windows) < 0 or not self.causal):
            raise ValueError(
                f"attention_windows needs a number from 0 for each block, and causal blocks. "
                f"Received: {windows}, num_layers={self.num_layers}, causal={self.causal}"
            )

    def get_config(self) -> dict[str, Any]:
        """The fields, as plain values."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The shape that `get_config` described."""
        return cls(**config)

    def lowest(self, blocks: int) -> Self:
        """The shape of the encoder's lowest blocks; without a pooler, so `mean` replaces it."""
        return dataclasses.replace(
            self,
            num_layers=blocks,
            attention_windows=self.attention_windows[:blocks],
            pooler=False,
            pooling="mean" if self.pooling == "pooler" else self.pooling,
        )

    def applications(self) -> int:
        """How often each block is applied in sequence: once, unless weights are shared."""
        return 1

    def least_weights(self) -> int:
        """The least number of weights that it has: tables and kernels."""
        tables = (self.vocabulary_size + self.max_position) * self.hidden_dim
        return tables + self.num_layers * self.hidden_dim * (
            4 * self.hidden_dim + 2 * self.intermediate_dim
        )

    def attention_window(self, index: int) -> int:
        """The window of a block; 0 if it attends to everything."""
        return self.attention_windows[index] if self.attention_windows else 0


def check_pooling(pooling: str, pooler: bool) -> None:
    """Raises `InputError` if there is no such pooling, or no pooler for it."""
    if pooling not in POOLINGS or (pooling == "pooler" and not pooler):
        raise InputError(
            f"pooling must be one of {', '.join(POOLINGS)}, pooler only if there is one. "
            f"Received: {pooling!r}"
        )


def check_number(value: object, name: str, called: str, *, least: float | None = None) -> None:
    """Checks that a number is in its range.

    Args:
        value: the number.
        name: a field of `EncoderConfig`.
        called: what messages call it.
        least: the lower end, if it is not that of the range.

    Raises:
        InputError: it is outside of the range, or not a number of this kind.
    """
    low, high = RANGES[name]
    low = low if least is None else least
    kinds = (int,) if isinstance(high, int) else (int, float)
    if type(value) not in kinds or not low <= value <= high:  # type: ignore[operator]
        noun = "a whole number" if kinds == (int,) else "a number"
        raise InputError(
            f"{called} must be {noun} from {low:,} to {high:,}. Received: {shown(value)}"
        )
