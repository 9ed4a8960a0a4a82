"""The file of this package in a Hugging Face folder, for settings that no other file can hold."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_keras.encoders.pretrained.damage import read_json
from mtl_keras.encoders.tokenizers.normalization import FastNormalization, TfHubNormalization
from mtl_keras.errors import InputError, listed, shown

FILE = "mtl_keras.json"
NORMALIZATIONS = {kind.__name__: kind for kind in (TfHubNormalization, FastNormalization)}
# Setting → the values that Hugging Face's files cannot express.
_VALUES: dict[str, tuple[object, ...]] = {
    "pooling": ("pooler",),
    "normalize": (True,),
    "normalization": tuple(NORMALIZATIONS),
    "newer_letters": (False,),
}


def write_own_settings(folder: Path, settings: Mapping[str, object]) -> None:
    """Writes the settings that no other file can express, if there are any."""
    own = {name: value for name, value in settings.items() if value in _VALUES[name]}
    if own:
        (folder / FILE).write_text(json.dumps(own, indent=1) + "\n", encoding="utf-8")


def read_own_settings(folder: Path) -> dict[str, Any]:
    """The settings in a folder: `pooling`, `normalize`, `normalization` and `newer_letters`, each
    only if the other files cannot express it.

    Raises:
        InputError: the file has an unsupported value.
    """
    if not (folder / FILE).is_file():
        return {}
    settings = read_json(folder / FILE)
    for name, value in settings.items():
        if value not in _VALUES.get(name, ()):
            raise InputError(
                f"{FILE} says {name} {shown(value)}; supported: "
                f"{listed(_VALUES.get(name, _VALUES))}: save the encoder again"
            )
    return settings
