"""`python loading_memory.py SMALL FOLDER`: the bytes that loading an encoder adds at its peak, and
the bytes of its weights. A small one is loaded first, as what TensorFlow itself takes counts not.
"""

import sys
from pathlib import Path

from mtl_keras.encoders.pretrained import loading as pretrained


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def main(small: str, folder: str) -> None:
    pretrained.load(small, max_length=48)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now
    before = _status("VmRSS")
    loaded = pretrained.load(folder, max_length=48)
    peak = _status("VmHWM")
    weights = sum(4 * weight.value.shape.num_elements() for weight in loaded.transformer.weights)
    print(peak - before, weights)


if __name__ == "__main__":
    main(*sys.argv[1:])
