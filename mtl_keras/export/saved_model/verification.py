"""Verifies in a separate process that a SavedModel answers as the model does."""

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from mtl_keras.data.answer_forms import READ
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.distribution.child_process import run_python
from mtl_keras.encoders.chunks import chunks
from mtl_keras.errors import InputError, WorkError, first_line, listed
from mtl_keras.export.saved_model.served_answers import SERVING
from mtl_keras.export.saved_model.signatures import signature_functions
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import Forward, task_outputs

PROGRAM = Path(__file__).with_name("program.py")
BATCH_SIZE = 32
TOLERANCE = 1e-5  # absolute; relative for numbers above 1

ODD_TEXTS: tuple[bytes, ...] = (
    b"",
    b" \t\n\r ",
    b"a",
    b"[CLS] [SEP] [PAD] [UNK] [MASK] ##s",
    b"a\x00b \x00",
    b"\xff\xfe \xc3( \xed\xa0\x80 \xf0\x9f\x98 cut",
    "naïve façade Ångström ÀÉÎÕÜ ß ﬁ … ½ ²".encode(),
    "👩‍👩‍👧‍👦 👍🏽 🇩🇪 I ❤️ it".encode(),
    "שלום עולם مرحبا بالعالم \u202eright to left\u202c".encode(),
    "東京は日本の首都です。 서울 Привет".encode(),
    "a\u0301e\u0308 zero\u200bwidth\ufeff soft\u00adhyphen".encode(),
    b"Don't e-mail A-48213@x.org; it's $3.50/kg (50% off)!",
    b"word " * 1000,
    b"x" * 2**20,
    " \u00a0\u2003\u3000".encode(),
)

Question = tuple[str, list[bytes]]  # a signature and its texts
Outputs = Mapping[str, tf.Tensor | np.ndarray]


def verify(model: MultiTaskModel, saved_model: str | Path, texts: Iterable[str | bytes]) -> int:
    """Compares a SavedModel's answers with the model's, and answers to texts alone and in batches.

    The SavedModel is loaded in a new process that has TensorFlow and the operations of
    tensorflow-text, but neither Keras nor this package. `serving_default` answers all texts, and
    each odd text alone; the other signatures answer the odd texts and the first batch.

    Args:
        model: the exported model.
        saved_model: the folder of the export.
        texts: to compare besides `ODD_TEXTS`.

    Returns:
        The number of texts compared.

    Raises:
        WorkError: the process failed, or an answer differs: in a label or a span, or in a number by
            more than 1e-5 (relative if above 1).
    """
    texts = iter(texts)
    first = [*itertools.islice(texts, BATCH_SIZE)]
    depends = company_difference(model, [*ODD_TEXTS, *first])
    if not depends <= TOLERANCE:
        raise WorkError(
            f"{saved_model}: a score changes by {depends:.2g} with the other texts in its batch; "
            f"expected at most {TOLERANCE}"
        )
    graphs = signature_functions(model)
    questions = list(_questions(itertools.chain(first, texts), graphs))
    asked = [*questions, *((SERVING, [text]) for text in ODD_TEXTS)]
    expected = (graphs[name](tf.constant(batch, tf.string)) for name, batch in asked)
    _compare(saved_model, asked, expected)
    return _count(questions)


def verify_against(saved_model: str | Path, other: str | Path, texts: Iterable[str | bytes]) -> int:
    """Compares two SavedModels, as `verify` compares a model and its export.

    Raises:
        InputError: one of them is damaged.
        WorkError: as in `verify`.
    """
    names, expected = (signature_names(folder) for folder in (saved_model, other))
    if names != expected:
        raise WorkError(
            f"{saved_model}: its signatures are {', '.join(names)}; expected {', '.join(expected)}"
        )
    questions = list(_questions(texts, names))
    with tempfile.TemporaryDirectory() as work:
        _compare(saved_model, questions, _asked(other, questions, Path(work)))
    return _count(questions)


def signature_names(folder: str | Path) -> list[str]:
    """The signatures of a SavedModel, sorted.

    Raises:
        InputError: it cannot be loaded, for example because files are missing or truncated.
    """
    try:
        return sorted(tf.saved_model.load(str(folder)).signatures)
    except Exception as error:  # damaged files can cause any error in TensorFlow
        raise InputError(
            f"{folder}: not a complete SavedModel ({first_line(error)}); copy the version again"
        ) from error


def company_difference(
    model: MultiTaskModel, texts: Sequence[str | bytes], forward: Forward | None = None
) -> float:
    """How much a text's scores change if it is in a batch with others, and so is padded.

    Args:
        model: the model.
        texts: are answered each alone, and all in one batch.
        forward: computes the scores in place of the model.

    Returns:
        The largest difference between two scores, relative if above 1; NaN if one is NaN.
    """
    tokenized = model.encoder.tokenizer(tf.constant(texts, tf.string, (len(texts),)))
    alone, together = (
        task_outputs(model, tokenized, batch_size=size, forward=forward)
        for size in (1, max(1, len(texts)))
    )
    differences = [
        np.max(np.abs(one - other) / np.maximum(1, np.abs(one)), initial=0.0)
        for name in model.tasks
        for one, other in zip(alone[name], together[name], strict=True)
    ]
    return float(np.max(differences, initial=0.0))


def difference(expected: Outputs, received: Outputs) -> str | None:
    """The first difference, in words; None if there is none. Numbers may differ by `TOLERANCE`.

    Example:

    >>> difference({"score": np.array([0.5])}, {"score": np.array([0.75])})
    'score[0] is 0.75; expected 0.5'
    """
    if sorted(expected) != sorted(received):
        return f"its outputs are {', '.join(received)}; expected {', '.join(expected)}"
    for name in sorted(expected):
        wanted, got = np.asarray(expected[name]), np.asarray(received[name])
        if wanted.shape != got.shape:
            return f"{name} has the shape {got.shape}; expected {wanted.shape}"
        if not np.issubdtype(wanted.dtype, np.floating):
            different = wanted != got
        else:
            allowed = TOLERANCE * np.maximum(1, np.abs(wanted))
            different = ~(np.abs(wanted - got) <= allowed)  # NaN differs from everything
        if different.any():
            first = tuple(int(place[0]) for place in np.nonzero(different))
            return f"{name}{list(first)} is {got[first]}; expected {wanted[first]}"
    return None


def validation_texts(datasets: Mapping[str, TaskDataset]) -> Iterator[bytes]:
    """The validation texts of all tasks."""
    for dataset in datasets.values():
        for example in dataset.examples("validation"):
            yield example.text.encode()


def _questions(texts: Iterable[str | bytes], signatures: Iterable[str]) -> Iterator[Question]:
    """The batches for each signature."""
    plain = (text.encode() if isinstance(text, str) else text for text in texts)
    first = list(itertools.islice(plain, BATCH_SIZE))
    for signature in signatures:
        yield from ((signature, batch) for batch in (list(ODD_TEXTS), first))
    for batch in chunks(plain, BATCH_SIZE):
        yield SERVING, batch


def _compare(
    saved_model: str | Path, questions: Sequence[Question], expected: Iterable[Outputs]
) -> None:
    """Compares a SavedModel's answers with the expected ones."""
    with tempfile.TemporaryDirectory() as work:
        received = _asked(saved_model, questions, Path(work))
        for (name, batch), wanted, got in zip(questions, expected, received, strict=True):
            if READ not in wanted:  # the other is an export of 0.1.0
                got = {output: got[output] for output in got if output != READ}
            if fault := difference(wanted, got):
                raise WorkError(
                    f"{saved_model}: the signature {name!r} gives a wrong answer: {fault}; for the "
                    f"texts {listed(batch, limit=2)}"
                )


def _count(questions: Iterable[Question]) -> int:
    """The number of texts for `serving_default`."""
    return sum(len(batch) for name, batch in questions if name == SERVING)


def _asked(saved_model: str | Path, questions: Sequence[Question], work: Path) -> Iterator[Outputs]:
    """A SavedModel's answers from a new process, question by question."""
    with tf.io.TFRecordWriter(str(work / "questions")) as writer:
        for name, batch in questions:
            writer.write(tf.io.serialize_tensor([name.encode(), *batch]).numpy())
    status, line = run_python(
        [str(PROGRAM), str(saved_model), str(work / "questions"), str(work / "answers")]
    )
    if status:
        raise WorkError(f"{saved_model}: cannot be loaded and run in a new process: {line}")
    records = tf.data.TFRecordDataset(str(work / "answers")).as_numpy_iterator()
    for names in map(_array, records):
        yield {name.decode(): _array(next(records)) for name in names}


def _array(record: bytes) -> np.ndarray:
    return tf.make_ndarray(TensorProto.FromString(record))
