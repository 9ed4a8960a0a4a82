"""Declares a task over rows in memory and prints the labels that are found. It trains nothing.

python examples/rows_in_memory.py
"""

import mtl_keras as mtl

rows = [
    {"text": "My parcel is late", "label": "delivery"},
    {"text": "Refund me", "label": "billing"},
]
dataset = mtl.TaskDataset(mtl.Task("topic", data={"train": rows}))
print(dataset.task.labels)
