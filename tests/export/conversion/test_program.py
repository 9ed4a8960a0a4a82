"""The program that asks a converted model has its runtime alone."""

import io
import subprocess
import sys

import numpy as np

from mtl_keras.export.conversion.process import PROGRAM
from mtl_keras.export.conversion.program import ABSENT, receive, send


def test_what_is_sent_is_received():
    stream = io.BytesIO()
    sent = [{"a/b": np.eye(2, dtype=np.float32)}, {"file": np.array([], bool)}]
    for arrays in sent:
        send(stream, arrays)
    stream.seek(0)
    for arrays in sent:
        actual = receive(stream)
        assert actual.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(actual[name], array)
            assert actual[name].dtype == array.dtype
    assert receive(stream) is None


def test_the_process_can_import_no_tensorflow():
    program = (
        f"import runpy, sys; sys.argv = ['x', 'onnx', 'absent.onnx']\n"
        f"try: runpy.run_path({str(PROGRAM)!r}, run_name='__main__')\n"
        "except Exception: pass\n"
        f"for name in {ABSENT!r}:\n"
        "    try: __import__(name)\n"
        "    except ImportError: continue\n"
        "    sys.exit(name)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
