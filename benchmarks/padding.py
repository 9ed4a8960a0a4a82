"""How many batches an epoch has, and how much of them is padding: by examples, and by tokens.

    python benchmarks/padding.py [../shared]

SST-2's training phrases as all-MiniLM-L6-v2 cuts them; the token budget is half of the largest
batch of 32. Prints a JSON line each.
"""

import json
import sys
from pathlib import Path

import mtl_keras as mtl


def main() -> None:
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared")
    columns = mtl.Columns(text="sentence", label="label")
    task = mtl.Task("sentiment", files={"train": shared / "data/sst2/train.tsv"}, columns=columns)
    dataset = mtl.TaskDataset(task)
    tokenizer = mtl.TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=128).tokenizer
    for settings in ({"batch_size": 32}, {"max_tokens": 1024}):
        masks = [
            x["padding_mask"].numpy()
            for x, _, _ in mtl.batches(dataset, "train", tokenizer, seed=0, **settings)
        ]
        positions = sum(mask.size for mask in masks)
        row = {
            "examples": sum(len(mask) for mask in masks),
            "batches": len(masks),
            "largest": max(mask.size for mask in masks),
            "padding": round(1 - sum(int(mask.sum()) for mask in masks) / positions, 4),
        }
        print(json.dumps(settings | row), flush=True)


if __name__ == "__main__":
    main()
