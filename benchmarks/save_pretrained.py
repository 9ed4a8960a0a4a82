"""Whether the original libraries read what `save_pretrained` writes: the largest difference.

`python benchmarks/save_pretrained.py write FOLDER` saves one encoder of every family, with weights
moved as by training, and what it answers. Where transformers, sentence-transformers and torch are
installed (mtl_keras need not be), `python benchmarks/save_pretrained.py read FOLDER` has them
answer, and prints a row a folder.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
CHECKPOINTS, TICKETS = ROOT / "tests/checkpoints", ROOT / "mtl_keras/samples/tickets/test.csv"
LENGTH, MOVED = 48, 0.01
VECTORS = "vectors.npz"


def texts() -> list[str]:
    """Sample tickets."""
    with TICKETS.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)][:64]


def write(folder: Path) -> None:
    """Saves encoders and their answers."""
    import keras

    from mtl_keras import TextEncoder

    sources = {path.name: str(path) for path in sorted(CHECKPOINTS.iterdir())}
    sources["all-MiniLM-L6-v2"] = "all-MiniLM-L6-v2"
    for name, source in sources.items():
        encoder = TextEncoder.from_pretrained(source, max_length=LENGTH)
        for weight in encoder.transformer.weights:
            weight.assign_add(MOVED * keras.random.normal(weight.shape, seed=1))
        saved = encoder.save_pretrained(folder / name)
        names = ("sentence_embedding", "sequence_output", "token_ids", "padding_mask")
        np.savez(saved / VECTORS, **encoder.encode(texts(), names))


def read(folder: Path) -> None:
    """Prints how far the libraries' answers are from those that were saved."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer

    print("| encoder | class | pieces differ | token vectors | sentence embeddings |")
    print("| --- | --- | ---: | ---: | ---: |")
    for saved in sorted(path.parent for path in folder.glob(f"*/{VECTORS}")):
        vectors = np.load(saved / VECTORS)
        tokenizer, model = (kind.from_pretrained(saved) for kind in (AutoTokenizer, AutoModel))
        pieces = tokenizer(texts(), padding=True, truncation=True, return_tensors="pt")
        mask = pieces["attention_mask"].numpy().astype(bool)
        ours = vectors["token_ids"][vectors["padding_mask"]]
        differ = int((pieces["input_ids"].numpy()[mask] != ours).sum())
        with torch.no_grad():
            theirs = model.eval()(**pieces).last_hidden_state.numpy()
        apart = np.abs(theirs[mask] - vectors["sequence_output"][vectors["padding_mask"]]).max()
        sentences = SentenceTransformer(str(saved), device="cpu").encode(texts())
        moved = np.abs(sentences - vectors["sentence_embedding"]).max()
        kind = json.loads((saved / "config.json").read_text())["architectures"][0]
        print(f"| {saved.name} | {kind} | {differ} | {apart:.0e} | {moved:.0e} |")


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
