"""The program that asks a SavedModel has TensorFlow and the tokenizer's operations alone."""

import subprocess
import sys

import pytest

from mtl_keras.export.saved_model.verification import PROGRAM


@pytest.mark.slow
def test_the_process_can_import_neither_keras_nor_this_package():
    program = (
        "import runpy, sys; sys.argv = ['x', 'a', 'b', 'c']\n"
        f"try: runpy.run_path({str(PROGRAM)!r}, run_name='__main__')\n"
        "except Exception: pass\n"
        "for name in ('keras', 'mtl_keras', 'tensorflow_text'):\n"
        "    try: __import__(name)\n"
        "    except ImportError: continue\n"
        "    sys.exit(name)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
