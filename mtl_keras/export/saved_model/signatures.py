"""One SavedModel: raw strings in, every task's answer out, from one pass of the encoder."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from mtl_keras.data.answer_forms import READ
from mtl_keras.encoders.tokenizers.truncation import is_whole, reading
from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.graph_answers import flat, task_answer
from mtl_keras.export.saved_model.length_groups import grouped_pass
from mtl_keras.export.saved_model.served_answers import EMBED, LABELS, READING, SERVING
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.storage.writing import write_whole

Pass = Callable[[tf.RaggedTensor], dict[str, tf.Tensor]]
TEXT = [tf.TensorSpec([None], tf.string, name="text")]


def export_saved_model(model: MultiTaskModel, path: str | Path) -> Path:
    """Writes a SavedModel that takes raw strings, for TensorFlow Serving.

    It contains the tokenizer, the weights and the labels. Its signatures:

    * `serving_default`: `text`, string `(batch,)` → every task's answers, `<task>/<name>`, from
      one pass of the encoder; and `read`, bool `(batch,)`: whether the whole text was read;
    * `<task>`: `text` → that task's answers, under the same names;
    * `embed`: `text` → `embedding (batch, hidden)`, scaled to length 1 if the encoder's source
      says so;
    * `labels`: `text` → `<task>`, string `(batch, labels)`, in the order of `<task>/scores`, the
      same in every row, since TensorFlow Serving requires an input and batches every signature;
    * `reading`: `text` → how much of it is read, as `truncation.reading` measures it.

    The answers are those of `task_answer`. Any bytes are accepted as a text: invalid UTF-8 is read
    as unknown characters, `[SEP]` is plain text, and pieces beyond `max_length` are not read.

    Args:
        model: a trained model.
        path: a folder that does not exist; TensorFlow Serving expects a number, the version.

    Returns:
        The folder.

    Raises:
        InputError: the folder already exists, or a task has the name of a signature.
        WorkError: a file could not be written; nothing is left behind.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path}: already exists; export to a new version number")
    for name in (SERVING, EMBED, LABELS, READING):
        if name in model.tasks:
            raise InputError(f"{name!r} is the name of a signature; rename the task")
    write_whole(path, functools.partial(_write, model))
    return path


def _write(model: MultiTaskModel, path: Path) -> None:
    """Saves the graphs that are already traced. Tracked functions would be traced again."""
    graphs = {
        name: function.get_concrete_function()
        for name, function in signature_functions(model).items()
    }
    module = tf.Module()
    module.weights = [weight.value for weight in _network(model).weights]
    module.resources = list(model.encoder.tokenizer.resources)
    try:
        tf.saved_model.save(module, str(path), signatures=graphs)
    except tf.errors.OpError as error:
        raise OSError(error.message) from error


def signature_functions(model: MultiTaskModel) -> dict[str, tf.types.experimental.GenericFunction]:
    """Signature → its graph, a function of a tensor of texts that contains the model's weights."""
    run = grouped_pass(_network(model))
    tasks = {name: _answering(model, run, [name]) for name in model.tasks}
    labels = {name: task.labels for name, task in model.tasks.items() if task.labels}
    functions = {
        SERVING: _answering(model, run, list(model.tasks), with_read=True),
        **tasks,
        EMBED: lambda text: {"embedding": _embedding(model, run, text)},
        READING: lambda text: reading(model.encoder.tokenizer, text),
    }
    if labels:
        functions[LABELS] = lambda text: _repeated(labels, text)
    return {name: _traced(function) for name, function in functions.items()}


def _traced(
    function: Callable[[tf.Tensor], dict[str, tf.Tensor]],
) -> tf.types.experimental.GenericFunction:
    """Traces a graph once, without AutoGraph, which would take seconds and change nothing."""
    graph = tf.function(function, input_signature=TEXT, autograph=False)
    graph.get_concrete_function()
    return graph


def _network(model: MultiTaskModel) -> keras.Model:
    """Every task's outputs and the sentence embedding, whose name no task may have."""
    embedding = model.encoder.transformer.output["sentence_embedding"]
    return keras.Model(model.input, {**model.output, EMBED: embedding})


def _answering(
    model: MultiTaskModel, run: Pass, names: Collection[str], *, with_read: bool = False
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    def answers(text: tf.Tensor) -> dict[str, tf.Tensor]:
        tokenizer = model.encoder.tokenizer
        tokenized = tokenizer(text)
        words, outputs = tokenizer.split_words(tokenized), run(tokenized.token_ids)
        by_task = {name: task_answer(model.tasks[name], outputs[name], words) for name in names}
        says_read = {READ: is_whole(tokenizer, text, tokenized)} if with_read else {}
        return flat(by_task) | says_read

    return answers


def _repeated(labels: Mapping[str, Sequence[str]], text: tf.Tensor) -> dict[str, tf.Tensor]:
    rows = [tf.size(text), 1]
    return {name: tf.tile(tf.constant([list(of_task)]), rows) for name, of_task in labels.items()}


def _embedding(model: MultiTaskModel, run: Pass, text: tf.Tensor) -> tf.Tensor:
    outputs = run(model.encoder.tokenizer(text).token_ids)
    embedding = tf.cast(outputs[EMBED], tf.float32)
    return tf.math.l2_normalize(embedding, axis=-1) if model.encoder.normalize else embedding
