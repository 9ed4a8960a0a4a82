"""Writes an encoder in Hugging Face's format, which the original libraries read."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from mtl_keras.distribution import replicas
from mtl_keras.encoders.pretrained.families import HUGGING_FACE_FAMILIES
from mtl_keras.encoders.pretrained.family import Family
from mtl_keras.encoders.pretrained.fill import stored_tensors
from mtl_keras.encoders.pretrained.loaded_encoder import LoadedEncoder
from mtl_keras.encoders.pretrained.loading import load
from mtl_keras.encoders.pretrained.own_settings import write_own_settings
from mtl_keras.encoders.tokenizers.byte_pair import BytePairTokenizer
from mtl_keras.encoders.tokenizers.tokenizer_files import write_tokenizer_files
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.errors import InputError
from mtl_keras.storage.arrays import write_arrays
from mtl_keras.storage.writing import check_path, write_whole

TOKENIZERS = {"word pieces": WordpieceTokenizer, "byte pairs": BytePairTokenizer}
POOLINGS = {"mean": "mean_tokens", "cls": "cls_token", "last": "lasttoken"}
MODES = (*POOLINGS.values(), "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens")


def save(encoder: LoadedEncoder, folder: str | Path) -> Path:
    """Writes an encoder's folder completely or not at all, after reading it back.

    The folder holds `config.json`, `model.safetensors`, the tokenizer's files, and
    sentence-transformers' `modules.json` with the pooling. What these cannot express (a pooler's
    sentence embedding, TF Hub's normalization) is in `mtl_keras.json`, which only this package
    reads.

    Args:
        encoder: the encoder.
        folder: a new or empty folder.

    Returns:
        The folder.

    Raises:
        InputError: the folder is not empty, or no family has this architecture or tokenizer.
        WorkError: the folder cannot be written.
    """
    check_path(folder)
    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder}: already exists; choose another folder or remove it")
    model_type, family = _family(encoder)

    def write(place: Path) -> None:
        place.mkdir()
        _write_json(place / "config.json", _config(encoder.config, model_type, family))
        tensors = stored_tensors(encoder.transformer, family, encoder.config)
        write_arrays(tensors, place / "model.safetensors", {"format": "pt"})
        write_tokenizer_files(encoder.tokenizer, place)
        _write_pooling(encoder, place)
        write_own_settings(place, _settings(encoder))
        _check(encoder, place)

    write_whole(folder, write)
    return folder


def _family(encoder: LoadedEncoder) -> tuple[str, Family]:
    """The first family that fits an encoder, and its name in `config.json`."""
    for model_type, family in HUGGING_FACE_FAMILIES.items():
        is_cut = isinstance(encoder.tokenizer, TOKENIZERS[family.tokenizer])
        if type(encoder.config) is EncoderConfig and is_cut and _has(family, encoder.config):
            return model_type, family
    names = ", ".join(family.name for family in HUGGING_FACE_FAMILIES.values())
    kind, tokenizer = type(encoder.config).__name__, type(encoder.tokenizer).__name__
    raise InputError(
        f"an encoder of this shape ({kind}, {tokenizer}) cannot be written in Hugging Face's "
        f"format; supported are those of {names}: save the model as a .keras file"
    )


def _has(family: Family, config: EncoderConfig) -> bool:
    """Whether a family's files can express all differences between a shape and BERT's."""
    free = {*family.config_keys.values(), *family.written_keys.values()}
    free |= {"approximate_gelu", "pooling"} | ({"attention_windows"} if family.windows else set())
    if "pooler/dense" in family.layers:
        free.add("pooler")
    needed = {
        field.name: family.settings.get(field.name, field.default)
        for field in dataclasses.fields(config)
        if field.name not in free
    }
    has_segments = "embeddings/segment" in family.layers
    return bool(config.num_segments) == has_segments and all(
        getattr(config, name) == value for name, value in needed.items()
    )


def _config(config: EncoderConfig, model_type: str, family: Family) -> dict[str, Any]:
    """The content of `config.json`."""
    keys = {**family.written_keys, **family.config_keys}
    gelu = next(
        name for name, form in family.activations.items() if form == config.approximate_gelu
    )
    return {
        "model_type": model_type,
        "architectures": [family.model],
        **{key: getattr(config, name) for key, name in keys.items()},
        **family.required,
        **(_windows(config, *family.windows) if family.windows else {}),
        family.activation_key: gelu,
    }


def _windows(config: EncoderConfig, types: str, size: str) -> dict[str, Any]:
    windows = [config.attention_window(index) for index in range(config.num_layers)]
    kinds = [[["local" if window else "global"], 1] for window in windows]
    return {types: kinds, size: max(windows) or config.max_position}


def _write_pooling(encoder: LoadedEncoder, folder: Path) -> None:
    """Writes sentence-transformers' files, unless it lacks this pooling."""
    if encoder.config.pooling not in POOLINGS:
        return
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    paths |= {"Normalize": "2_Normalize"} if encoder.normalize else {}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (name, path) in enumerate(paths.items())
    ]
    _write_json(folder / "modules.json", modules)
    for path in filter(None, paths.values()):
        (folder / path).mkdir()
    chosen = POOLINGS[encoder.config.pooling]
    modes = {f"pooling_mode_{mode}": mode == chosen for mode in MODES}
    width = {"word_embedding_dimension": encoder.config.hidden_dim}
    _write_json(folder / "1_Pooling" / "config.json", width | modes)


def _settings(encoder: LoadedEncoder) -> dict[str, object]:
    tokenizer, is_pooled = encoder.tokenizer, encoder.config.pooling not in POOLINGS
    settings: dict[str, object] = {"pooling": encoder.config.pooling}
    settings["normalize"] = is_pooled and encoder.normalize
    if isinstance(tokenizer, WordpieceTokenizer):
        return settings | {"normalization": type(tokenizer.normalization).__name__}
    if isinstance(tokenizer, BytePairTokenizer):
        settings["newer_letters"] = tokenizer.newer_letters
    return settings


def _check(encoder: LoadedEncoder, folder: Path) -> None:
    """Raises `InputError` if reading the folder does not give the same encoder."""
    loaded = load(str(folder), max_length=encoder.tokenizer.max_length, dtype="float32")
    read = {weight.path: replicas.value_of(weight) for weight in loaded.transformer.weights}
    for what, is_same in (
        ("shape", loaded.config == encoder.config),
        ("tokenizer", loaded.tokenizer.get_config() == encoder.tokenizer.get_config()),
        ("scaling", loaded.normalize == encoder.normalize),
        ("weights", all(_same(weight, read) for weight in encoder.transformer.weights)),
    ):
        if not is_same:
            raise InputError(
                f"the encoder cannot be written in Hugging Face's format: its {what} would be "
                "read as another; save the model as a .keras file"
            )


def _same(weight: Any, read: dict[str, np.ndarray]) -> bool:
    return np.array_equal(replicas.value_of(weight), read[weight.path])


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
