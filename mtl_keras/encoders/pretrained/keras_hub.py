"""Reads folders that KerasHub's `save_to_preset` wrote: the backbone, and the tokenizer as ours."""

import base64
import functools
import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from mtl_keras.encoders.pretrained.damage import read_json, reading
from mtl_keras.encoders.pretrained.vocabulary import read_merges, read_vocabulary
from mtl_keras.encoders.tokenizers.byte_pair import BytePairTokenizer
from mtl_keras.encoders.tokenizers.normalization import TfHubNormalization
from mtl_keras.encoders.tokenizers.sentence_piece import SentencePieceTokenizer
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.encoders.transformer.config import RANGES, check_number
from mtl_keras.encoders.transformer.keras_hub import count_weights, import_keras_hub
from mtl_keras.errors import InputError
from mtl_keras.storage import hdf5
from mtl_keras.storage.regular_files import read_whole

MODULES = ("keras_hub.", "keras_nlp.")  # its former name
ASSETS = "assets/tokenizer"
BERT_SPECIALS, ROBERTA_SPECIALS = ("[CLS]", "[SEP]"), ("<s>", "</s>")
FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")
WORD_PIECES_NEED = {
    "split": True,
    "split_on_cjk": True,
    "suffix_indicator": "##",
    "oov_token": "[UNK]",
}

# KerasHub's names for fields of `RANGES`.
SIZES = {
    "max_sequence_length": "max_position",
    "vocab_size": "vocabulary_size",
    "embedding_dim": "hidden_dim",
    "bucket_size": "max_position",
}
LAYERS = ("num_layers", "num_inner_repetitions", "num_groups")
FEW_LAYERS = 200

MakeTokenizer = Callable[..., Tokenizer]


def is_preset(folder: Path) -> bool:
    """Whether KerasHub wrote a folder."""
    file = folder / "config.json"
    return file.is_file() and "registered_name" in read_json(file)


def load_backbone(folder: Path, dtype: str | None) -> keras.Model:
    """The backbone of a preset, with its weights.

    Raises:
        InputError: the folder holds something else, or is damaged.
    """
    config = read_json(folder / "config.json")
    kind, settings = _backbone_class(config), config.get("config") or {}
    with reading("the KerasHub preset"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # `from_preset` fails if weights are missing
        stored = _stored_weights(folder)
        _check_sizes(settings, len(stored))
        described = count_weights(functools.partial(kind, **settings))
        held = len(stored), hdf5.count(stored)
        if held != described:
            raise InputError(
                f"its files hold {held[0]:,} weights of {held[1]:,} numbers, but config.json "
                f"describes {described[0]:,} of {described[1]:,}; they must belong together"
            )
        return kind.from_preset(str(folder), dtype=dtype)


def open_tokenizer(folder: Path) -> MakeTokenizer:
    """A function that makes the preset's tokenizer, given `max_length`.

    The pieces equal those of KerasHub's tokenizer in a graph (outside of a graph it splits byte
    pairs like Llama's), with three exceptions. Texts for lower-case word pieces are normalized as
    by TF Hub's preprocessing, so letters lose their accents, as in BERT. Every blank of Unicode,
    not just ASCII's, and a zero byte separate words. Special tokens in a text are plain text.

    Raises:
        InputError: the tokenizer is missing, damaged, or of an unsupported kind.
    """
    if not (folder / "tokenizer.json").is_file():
        raise InputError(
            "has no tokenizer.json; save the tokenizer beside the backbone: "
            "tokenizer.save_to_preset(folder)"
        )
    config = read_json(folder / "tokenizer.json")
    name = _class_name(config)
    if name not in TOKENIZERS:
        raise InputError(
            f"tokenizer {name} is not supported; supported are {', '.join(TOKENIZERS)}"
        )
    with reading("the tokenizer"):
        return TOKENIZERS[name](folder / ASSETS, config["config"])


def _backbone_class(config: Mapping) -> Any:
    """The class of the backbone that a file describes; raises if its tokenizer is unsupported."""
    name, models = _class_name(config), import_keras_hub().models
    kind: Any = getattr(models, name, None)
    if not (inspect.isclass(kind) and issubclass(kind, models.Backbone)):
        raise InputError(f"config.json says class_name {name!r}, which KerasHub does not have")
    if name.replace("Backbone", "Tokenizer") not in TOKENIZERS:
        raise InputError(f"config.json says class_name {name!r}; its tokenizer is not supported")
    return kind


def _stored_weights(folder: Path) -> dict[str, tuple[int, ...]]:
    """File and path → shape of each stored weight. Keras does not report weights it ignores."""
    return {
        f"{file.name}/{name}": shape
        for file in folder.glob("model*.weights.h5")
        for name, shape in hdf5.stored_shapes(file, file.stat().st_size).items()
        if "seed_generator" not in name
    }


def _check_sizes(settings: Mapping, weights: int) -> None:
    """Checks each size, and that there are not far more layers than weights, which take long.

    Raises:
        InputError: a size is outside of its range, or there are too many layers.
    """
    for key, value in settings.items():
        field = SIZES.get(key, "num_layers" if key in LAYERS else key)
        if field in RANGES:
            check_number(value, field, f"config.json: {key}")
    layers = math.prod(settings.get(key, 1) for key in LAYERS)
    if layers > max(FEW_LAYERS, weights):
        raise InputError(f"config.json describes {layers:,} layers, for {weights:,} weights")


def _class_name(config: Mapping) -> str:
    """The class that a file describes, one of KerasHub's."""
    name, module = config.get("class_name"), config.get("module")
    if not isinstance(name, str) or not str(module).startswith(MODULES):
        raise InputError(f"describes {module}.{name}; supported are classes of KerasHub")
    return name


def _word_pieces(folder: Path, settings: Mapping) -> MakeTokenizer:
    lowercase = bool(settings.get("lowercase", False))
    needed = WORD_PIECES_NEED | ({} if lowercase else {"strip_accents": False})
    for name, value in needed.items():
        if settings.get(name, value) != value:
            raise InputError(
                f"the tokenizer has {name} {settings[name]!r}; supported: {value!r}"
                + ("" if lowercase else " if letters keep their case")
            )
    vocabulary = read_vocabulary(folder / "vocabulary.txt")
    return functools.partial(
        WordpieceTokenizer, vocabulary, lowercase=lowercase, normalization=TfHubNormalization()
    )


def _byte_pairs(folder: Path, settings: Mapping) -> MakeTokenizer:
    if settings.get("add_prefix_space"):
        raise InputError("the tokenizer has add_prefix_space True; supported: False")
    ids = read_json(folder / "vocabulary.json")
    pieces = sorted(ids, key=ids.__getitem__)
    if [ids[piece] for piece in pieces] != list(range(len(pieces))):
        raise InputError(f"the vocabulary's {len(pieces)} ids are not 0, 1, 2, …")
    merges = read_merges(folder / "merges.txt")
    return functools.partial(BytePairTokenizer, pieces, merges, around=ROBERTA_SPECIALS)


def _sentence_pieces(
    around: tuple[str, str], prefix: tuple[str, ...] = ()
) -> Callable[[Path, Mapping], MakeTokenizer]:
    def make(folder: Path, settings: Mapping) -> MakeTokenizer:
        model = base64.b64encode(read_whole(folder / "vocabulary.spm")).decode()
        return functools.partial(SentencePieceTokenizer, model, around=around, prefix=prefix)

    return make


TOKENIZERS: dict[str, Callable[[Path, Mapping], MakeTokenizer]] = {
    "BertTokenizer": _word_pieces,
    "DistilBertTokenizer": _word_pieces,
    "ElectraTokenizer": _word_pieces,
    "RobertaTokenizer": _byte_pairs,
    "XLMRobertaTokenizer": _sentence_pieces(ROBERTA_SPECIALS, FAIRSEQ),
    "AlbertTokenizer": _sentence_pieces(BERT_SPECIALS),
    "DebertaV3Tokenizer": _sentence_pieces(BERT_SPECIALS),
}
