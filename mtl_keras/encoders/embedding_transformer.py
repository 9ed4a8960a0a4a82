"""Sentence embeddings of a frozen encoder as a scikit-learn transformer."""

from __future__ import annotations

import copy
import functools
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from mtl_keras.encoders.texts import checked_texts
from mtl_keras.errors import InputError, shown

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from mtl_keras.encoders.text_encoder import TextEncoder

KEPT_ENCODERS = 4  # loaded sources that a process keeps; all-MiniLM-L6-v2 takes 90 MB
_loading = threading.Lock()


class EmbeddingTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Texts → the sentence embeddings of a frozen encoder, for any scikit-learn estimator.

    It learns nothing: `fit` checks the texts and loads the encoder, and `transform` also works
    without `fit`. A source is loaded once per process and shared by all transformers, so a grid
    search reads the weights only once per worker.

    A pickle holds the name of a source, not its weights; the encoder is loaded again when it is
    first used. A `TextEncoder` is pickled with its weights, so give its source if it has one.
    Clones share a `TextEncoder`.

    Args:
        encoder: a source, as in `TextEncoder.from_pretrained`, or a `TextEncoder`.
        max_length: longest input in word pieces; longer texts are truncated. A `TextEncoder`
            keeps its own.
        batch_size: texts per forward pass.

    Example:

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from mtl_keras import TextEncoder
    >>> from mtl_keras.encoders.transformer.config import EncoderConfig
    >>> from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    >>> tokenizer = WordpieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "good", "bad"], lowercase=True)
    >>> config = EncoderConfig(vocabulary_size=5, hidden_dim=8, num_layers=1, num_heads=2,
    ...                        intermediate_dim=16)
    >>> encoder = TextEncoder(tokenizer, config)  # or just "all-MiniLM-L6-v2"
    >>> pipeline = make_pipeline(EmbeddingTransformer(encoder), LogisticRegression(C=1e6))
    >>> pipeline.fit(["good", "bad", "good good", "bad bad"], [1, 0, 1, 0]).predict(["good"])
    array([1])
    """

    def __init__(
        self,
        encoder: str | TextEncoder = "all-MiniLM-L6-v2",
        *,
        max_length: int = 128,
        batch_size: int = 32,
    ):
        self.encoder = encoder
        self.max_length = max_length
        self.batch_size = batch_size

    def fit(self, X: Any, y: Any = None) -> EmbeddingTransformer:  # noqa: N803
        """Checks the texts and loads the encoder.

        Args:
            X: texts, as in `transform`.
            y: not used.

        Raises:
            InputError: `X` does not hold texts, or the encoder cannot be loaded.
        """
        _as_texts(X)
        self._loaded()
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """The texts' embeddings. Equal texts are encoded once.

        Args:
            X: `n` strings: a list, an array or a pandas Series, or one column of a table
                `(n, 1)`. An empty string is a text; a missing value is not.

        Returns:
            float32 `(n, hidden)`, scaled to length 1 if the encoder's source says so.

        Raises:
            InputError: `X` does not hold texts, or the encoder cannot be loaded.
        """
        texts = _as_texts(X)
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        vectors = self._loaded().encode(list(places), batch_size=self.batch_size)
        return vectors["sentence_embedding"][[places[text] for text in texts]]

    @property
    def _n_features_out(self) -> int:
        """Width of an embedding, for `get_feature_names_out`."""
        return self._loaded().config.hidden_dim

    def _loaded(self) -> TextEncoder:
        from mtl_keras.encoders.text_encoder import TextEncoder

        if isinstance(self.encoder, TextEncoder):
            return self.encoder
        if not isinstance(self.encoder, str):
            raise InputError(
                "encoder is a source, such as 'all-MiniLM-L6-v2', or a TextEncoder. "
                f"Received: {shown(self.encoder)}"
            )
        with _loading:  # only the first of joblib's threads loads the encoder
            return _load(self.encoder, self.max_length)

    def __sklearn_clone__(self) -> EmbeddingTransformer:
        twin = type(self)()
        twin.__dict__.update(copy.deepcopy(vars(self), {id(self.encoder): self.encoder}))
        return twin

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []  # strings have no precision to keep
        tags.requires_fit = False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if isinstance(self.encoder, str):
            return state
        return state | {"encoder": _Packed.of(self.encoder)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        packed = state["encoder"]
        if isinstance(packed, _Packed):
            state = state | {"encoder": packed.unpack()}
        super().__setstate__(state)


class _Packed(NamedTuple):
    """A `TextEncoder` as plain values and NumPy arrays."""

    config: dict[str, Any]
    weights: list[np.ndarray]

    @classmethod
    def of(cls, encoder: TextEncoder) -> _Packed:
        return cls(encoder.get_config(), encoder.transformer.get_weights())

    def unpack(self) -> TextEncoder:
        from mtl_keras.encoders.text_encoder import TextEncoder

        encoder = TextEncoder.from_config(self.config, initialize=False)
        encoder.transformer.set_weights(self.weights)
        return encoder


@functools.lru_cache(maxsize=KEPT_ENCODERS)
def _load(source: str, max_length: int) -> TextEncoder:
    from mtl_keras.encoders.text_encoder import TextEncoder

    return TextEncoder.from_pretrained(source, max_length=max_length)


def _as_texts(table: Any) -> list[str]:
    if isinstance(table, str | bytes):
        return checked_texts(table)  # refused
    column = np.asarray(table, dtype=object)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise InputError(
            "texts is a list, array or one column of strings; choose the column. Received: "
            f"{type(table).__name__} of shape {column.shape}"
        )
    return checked_texts(column)
