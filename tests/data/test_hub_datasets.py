"""Datasets of the Hugging Face hub, as the library `datasets` loads them from its cache."""

import builtins
import json
import shutil

import pytest

from mtl_keras.data.hub_datasets import HubDataset
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError

pytestmark = pytest.mark.slow  # `datasets` takes seconds to import

ADDRESS = "hf://datasets/org/moods"
ROWS = {"text": [f"text {row}" for row in range(40)], "label": [0, 1] * 20}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache of the library, empty, on a machine that does not reach the hub."""
    datasets = pytest.importorskip("datasets", reason="needs pip install 'mtl_keras[hub]'")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return tmp_path / "cache"


@pytest.fixture
def cached(cache, tmp_path):
    """Puts splits in the cache, as they lie there after they were loaded from the hub."""
    import datasets

    def put(splits, configuration="default"):
        labels = datasets.ClassLabel(names=["bad", "good"])
        features = datasets.Features({"text": datasets.Value("string"), "label": labels})
        rows = datasets.Dataset.from_dict(ROWS, features=features)
        for split in splits:
            rows.to_parquet(tmp_path / "rows" / f"{split}.parquet")
        files = {split: str(tmp_path / "rows" / f"{split}.parquet") for split in splits}
        datasets.load_dataset("parquet", data_files=files, features=features)
        (built,) = (path for path in (cache / "parquet").glob("*/0.0.0/*") if path.is_dir())
        place = cache / "org___moods" / configuration / "0.0.0" / "1a2b3c"
        shutil.copytree(built, place)
        info = json.loads((place / "dataset_info.json").read_text())
        (place / "dataset_info.json").write_text(json.dumps(info | {"config_name": configuration}))
        for file in place.glob("parquet-*.arrow"):
            file.rename(file.with_name(file.name.replace("parquet-", "moods-")))
        shutil.rmtree(cache / "parquet")

    return put


def test_a_task_has_the_splits_and_labels_of_a_dataset(cached):
    cached(["train", "test", "extra"])
    lines = []
    dataset = TaskDataset(Task("mood", data=ADDRESS), report=lines.append)
    assert dataset.counts == {"train": 37, "validation": 3, "test": 40}
    assert dataset.task.labels == ("bad", "good")
    assert next(dataset.examples("test")).text == "text 0"
    assert lines[0] == "hf://datasets/org/moods: not read: 'extra'"
    assert {*dataset.table_fingerprints} == {f"{ADDRESS}, train", f"{ADDRESS}, test"}


def test_one_of_several_configurations_is_named(cached):
    cached(["train"], "small")
    cached(["train"], "large")
    with pytest.raises(InputError, match=r"small.*the address is hf://datasets/ORG/NAME, or hf:"):
        len(HubDataset(ADDRESS, SPLITS))
    assert [*HubDataset(f"{ADDRESS}/small", SPLITS)] == ["train"]


def test_a_dataset_without_the_splits_of_a_task_is_refused(cached):
    cached(["extra"])
    with pytest.raises(InputError, match=r"has the splits 'extra'; a task takes train, valid"):
        len(HubDataset(ADDRESS, SPLITS))


def test_without_the_hub_the_error_names_the_folder_to_copy(cache):
    with pytest.raises(InputError) as error:
        TaskDataset(Task("mood", data=ADDRESS))
    assert str(error.value) == (
        f"{ADDRESS}: the hub cannot be reached; load the dataset where it can "
        "(datasets.load_dataset('org/moods')) and copy its folder in the cache there into "
        f"{cache}"
    )


def test_without_the_library_the_error_names_the_extra(monkeypatch):
    load = builtins.__import__

    def without(name, *arguments):
        if name == "datasets":
            raise ImportError(name)
        return load(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'mtl_keras\[hub\]'$"):
        TaskDataset(Task("mood", data=ADDRESS))


@pytest.mark.parametrize("address", ["hf://org/name", "hf://datasets/name", f"{ADDRESS}/a/b.csv"])
def test_other_addresses_are_refused(address):
    with pytest.raises(InputError, match=f"^{address}: expected hf://datasets/ORG/NAME, or"):
        Task("mood", data=address)


def test_an_address_is_of_all_splits():
    with pytest.raises(InputError, match="'hf://datasets/org/moods' cannot be the file of one sp"):
        Task("mood", data={"train": ADDRESS})
    with pytest.raises(InputError, match="files and data are both given; keep hf://datasets/org"):
        Task("mood", files={"train": "train.csv"}, data=ADDRESS)
    with pytest.raises(InputError, match=r"data must map splits: data=\{'train': …, 'test': …\}, "):
        Task("mood", data="train.csv")
