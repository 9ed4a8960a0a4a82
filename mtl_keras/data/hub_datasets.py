"""Datasets of the Hugging Face hub, in place of files."""

import functools
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mtl_keras.data.tables import Table
from mtl_keras.errors import InputError, listed, shown

HUB = "hf://"
FORM = "hf://datasets/ORG/NAME, or hf://datasets/ORG/NAME/CONFIGURATION"
CURE = "pip install 'mtl_keras[hub]'"
_ADDRESS = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)(?:/([\w.-]+))?", re.ASCII)


class HubDataset(Mapping[str, Sequence[Table]]):
    """A dataset of the Hugging Face hub: split → its rows.

    The library `datasets` loads it, from the hub or from its cache, when its splits are first asked
    for. Declaring it loads nothing.

    Args:
        address: as in `FORM`.
        splits: the names of the splits to read.

    Raises:
        InputError: the address has another form. When the splits are asked for: the library is not
            installed, cannot load the dataset, or the dataset has none of these splits.
    """

    def __init__(self, address: str, splits: Sequence[str]):
        parts = _ADDRESS.fullmatch(address)
        if not parts:
            raise InputError(f"{address}: expected {FORM}")
        self.address = address
        self._name, self._configuration = parts.groups()
        self._wanted = splits

    def __repr__(self) -> str:
        return f"HubDataset({self.address!r})"

    def __getitem__(self, split: str) -> Sequence[Table]:
        return self._tables[split]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __bool__(self) -> bool:
        return True  # without loading it

    def report_left_out(self, report: Callable[[str], None]) -> None:
        """Reports the splits of the dataset that are not read."""
        if left_out := [split for split in self._loaded if split not in self._wanted]:
            report(f"{self.address}: not read: {listed(left_out)}")

    @functools.cached_property
    def _tables(self) -> dict[str, Sequence[Table]]:
        loaded = self._loaded
        tables: dict[str, Sequence[Table]] = {
            split: (Table(f"{self.address}, {split}", loaded[split]),)
            for split in self._wanted
            if split in loaded
        }
        if not tables:
            raise InputError(
                f"{self.address}: it has the splits {listed(loaded)}; a task takes "
                f"{', '.join(self._wanted)}: in Python, give them by name, data={{'train': …}}"
            )
        return tables

    @functools.cached_property
    def _loaded(self) -> Mapping[str, Any]:
        """Split → rows of all splits."""
        datasets = _import(self.address)
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it reports each retry
        try:
            loaded: Mapping[str, Any] = datasets.load_dataset(
                f"hf://datasets/{self._name}", self._configuration
            )
        except ConnectionError:
            raise InputError(
                f"{self.address}: the hub cannot be reached; load the dataset where it can "
                f"(datasets.load_dataset({self._name!r})) and copy its folder in the cache there "
                f"into {datasets.config.HF_DATASETS_CACHE}"
            ) from None
        except ValueError as error:  # no such configuration, or one must be chosen
            raise InputError(f"{self.address}: {error}; the address is {FORM}") from None
        except Exception as error:  # whatever its many readers raise
            raise InputError(f"{self.address}: cannot be loaded: {error}") from None
        return loaded


def hub_dataset(files: Any, splits: Sequence[str]) -> HubDataset | None:
    """The dataset that a task's files name, if they are an address of the hub.

    Args:
        files: of all splits, as a task gives them.
        splits: the names of the splits to read.

    Raises:
        InputError: the address has another form.
    """
    if isinstance(files, HubDataset):
        return files
    is_address = isinstance(files, str) and files.startswith(HUB)
    return HubDataset(files, splits) if is_address else None


def check_path(path: str) -> None:
    """Raises `InputError` if the path of one split is an address of the hub."""
    if path.startswith(HUB):
        raise InputError(
            f"{shown(path)} cannot be the file of one split; give a whole dataset for all splits, "
            "files: hf://datasets/ORG/NAME, or a file on this machine"
        )


def _import(address: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise InputError(
            f"{address}: datasets of the hub are read by the library datasets; {CURE}"
        ) from None
    return datasets
