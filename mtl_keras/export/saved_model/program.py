"""A program that runs a SavedModel with TensorFlow and tensorflow-text's operations only.

`verification` starts it: `python program.py SAVED_MODEL QUESTIONS ANSWERS`. It can import neither
Keras nor `mtl_keras`, and it loads only the operations of tensorflow-text, as TensorFlow Serving
does.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

ABSENT = ("keras", "tf_keras", "mtl_keras", "tensorflow_text")


def main(saved_model: str, questions: str, answers: str) -> None:
    """Answers each question, `[signature, text, …]`: first the outputs' names, then the outputs."""
    tf = _load_tensorflow()
    signatures = tf.saved_model.load(saved_model).signatures
    with tf.io.TFRecordWriter(answers) as writer:
        for record in tf.data.TFRecordDataset(questions):
            name, *texts = tf.io.parse_tensor(record, tf.string).numpy()
            outputs = signatures[name.decode()](tf.constant(texts, tf.string))
            for value in (sorted(outputs), *(outputs[output] for output in sorted(outputs))):
                writer.write(tf.io.serialize_tensor(value).numpy())


def _load_tensorflow() -> ModuleType:
    for name in ABSENT:
        sys.modules[name] = None  # type: ignore[assignment]  # makes importing it fail
    import tensorflow as tf

    package = PathFinder.find_spec("tensorflow_text")
    if package is None or not package.origin:
        sys.exit("tensorflow_text is not installed")
    for library in sorted(Path(package.origin).parent.glob("python/ops/*.so")):
        tf.load_op_library(str(library))
    return tf


if __name__ == "__main__":
    main(*sys.argv[1:])
