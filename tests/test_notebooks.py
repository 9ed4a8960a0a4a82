"""The notebooks run from top to bottom.

In three of them a small random encoder stands in for the default one: it has that one's vocabulary
and four of its blocks, in files of the same form. The quickstart runs with the default encoder
itself, on fewer tickets and steps.
"""

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from safetensors.numpy import save_file
from support.tiny import bert_tensors

from mtl_keras.encoders.pretrained.sources import MINILM, MINILM_PACKAGE, find
from mtl_keras.samples.make_tickets import TICKETS_FOLDER

pytestmark = pytest.mark.slow
NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
ROWS = {"train": 256, "validation": 32, "test": 32}
TICKETS = 'Path(mtl.__file__).parent / "samples" / "tickets"'


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory) -> Path:
    """A folder of packages with the default encoder's, which holds the small one."""
    packages, default = tmp_path_factory.mktemp("packages"), find(MINILM)
    config = json.loads((default / "config.json").read_text())
    config |= {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16}
    config |= {"num_hidden_layers": 4, "max_position_embeddings": 64}
    (packages / "model").mkdir()
    (packages / "model" / "config.json").write_text(json.dumps(config))
    (packages / "model" / "vocab.txt").write_bytes((default / "vocab.txt").read_bytes())
    save_file(bert_tensors(config), packages / "model" / "model.safetensors")
    facts = packages / f"{MINILM_PACKAGE.replace('-', '_')}-0.1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {MINILM_PACKAGE}\n")
    (facts / "RECORD").write_text("model/model.safetensors,,\n")
    return packages


@pytest.fixture(scope="module")
def few_tickets(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tickets")
    for split, rows in ROWS.items():
        for suffix, end in (("csv", "\n"), ("conll", "\n\n")):
            texts = (TICKETS_FOLDER / f"{split}.{suffix}").read_text(encoding="utf-8").split(end)
            kept = end.join(texts[:rows]) + "\n"
            (folder / f"{split}.{suffix}").write_text(kept, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")


def _run(path: Path, **other: str) -> None:
    """Runs every cell, with `other` text in the place of some that must be there."""
    notebook = nbformat.read(path, as_version=4)
    for old, new in other.items():
        assert any(old in cell.source for cell in notebook.cells), old
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=str(path.parent))


@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda path: path.stem)
def test_notebook_runs(path, stand_in, monkeypatch):
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(stand_in), os.environ.get("PYTHONPATH", "")])
    )
    _run(path)


def test_the_quickstart_runs_with_the_default_encoder(few_tickets):
    few_steps = {TICKETS: f"Path({str(few_tickets)!r})", "epochs=2": "epochs=1"}
    _run(NOTEBOOKS[0], **few_steps)
