"""Raw strings → every task's answer."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from mtl_keras.data.answer_forms import READ
from mtl_keras.data.task import Task
from mtl_keras.encoders.length_sorting import length_sorted_batches
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.texts import checked_texts
from mtl_keras.encoders.tokenizers.tokenizer import TokenizedText, Words
from mtl_keras.encoders.tokenizers.truncation import is_whole
from mtl_keras.models.inference import Batch, ForwardPass
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import WordsOfText

BATCH_SIZE = 32  # texts a pass

LookUp = Callable[[Batch], Batch]
Forward = Callable[[Batch], Batch]


class Answering(Protocol):
    """The parts of a `MultiTaskModel` that answer texts."""

    encoder: TextEncoder
    forward_pass: ForwardPass

    @property
    def tasks(self) -> Mapping[str, Task]: ...

    def __call__(self, inputs: Any, *, training: bool) -> Mapping[str, tf.Tensor]: ...


def answer(
    model: Answering, texts: Sequence[str], *, batch_size: int = BATCH_SIZE, graph: bool = True
) -> list[dict]:
    """Returns every task's answer for each text.

    Args:
        model: a trained model.
        texts: any strings. What is beyond the encoder's `max_length` is not read.
        batch_size: texts a pass.
        graph: whether a graph is made of the model, which takes a second and pays for itself from
            the second batch on.

    Returns:
        A dict a text: `text`; `read`, whether all of it was read; and per task
        classification `{"label", "score", "scores": {label: probability}}`;
        multilabel `{"labels", "scores"}` (labels of probability over 0.5);
        regression `{"value"}`;
        tagging `[{"start", "end", "text", "label", "score"}]`, character offsets, the score the
        mean probability of the span's words;
        token_labels the same for every word that is read, the score the label's probability.

    Raises:
        InputError: what is not a list of strings; an item that is no text is named.
    """
    texts = checked_texts(texts)
    strings = tf.constant(texts, tf.string, (len(texts),))
    tokenizer = model.encoder.tokenizer
    tokenized = tokenizer(strings)
    forward = None if graph else functools.partial(_without_graph, model)
    outputs = task_outputs(model, tokenized, batch_size=batch_size, forward=forward)
    words = _words_by_text(tokenizer.split_words(tokenized))
    read = is_whole(tokenizer, strings, tokenized).numpy().tolist()
    answers: list[dict] = [
        {"text": text, READ: whole} for text, whole in zip(texts, read, strict=True)
    ]
    for name, task in model.tasks.items():
        kind = kind_of(task)
        for index, text in enumerate(texts):
            answers[index][name] = kind.answer(task, text, outputs[name][index], words[index])
    return answers


def task_outputs(
    model: Answering,
    tokenized: TokenizedText,
    *,
    batch_size: int = BATCH_SIZE,
    features: LookUp | None = None,
    forward: Forward | None = None,
) -> dict[str, list[np.ndarray]]:
    """Returns the heads' outputs without padding: task → one array per text, in order.

    Args:
        model: whose tasks and tokenizer they are.
        tokenized: the texts.
        batch_size: texts a pass.
        features: finds what the model takes beside token ids and mask.
        forward: computes them in the model's place.
    """
    of_pieces = [name for name, task in model.tasks.items() if task.label_kind.per_word]
    return outputs_by_text(
        forward or model.forward_pass,
        list(model.tasks),
        tokenized,
        of_pieces,
        batch_size=batch_size,
        features=features,
    )


def outputs_by_text(
    forward: Forward,
    names: Collection[str],
    tokenized: TokenizedText,
    of_pieces: Collection[str],
    *,
    batch_size: int,
    features: LookUp | None = None,
) -> dict[str, list[np.ndarray]]:
    """Returns outputs without padding: name → one array per text, in order.

    Texts of similar length share a pass, so that little padding is computed.

    Args:
        forward: takes what a `MultiTaskModel` takes and gives arrays by name.
        names: of the outputs that are kept.
        tokenized: the texts.
        of_pieces: names of the outputs that have a row for each word piece.
        batch_size: texts a pass.
        features: finds what `forward` takes beside token ids and mask.
    """
    lengths = tokenized.token_ids.row_lengths().numpy()
    outputs: dict[str, list] = {name: [None] * len(lengths) for name in names}
    for rows in length_sorted_batches(lengths, lambda longest: batch_size):
        padded = _padded(tokenized.token_ids, rows)
        batch = forward(features(padded) if features else padded)
        for name in names:
            for row, output in zip(rows, batch[name], strict=True):
                outputs[name][row] = output[: lengths[row]] if name in of_pieces else output
    return outputs


def _words_by_text(words: Words) -> list[WordsOfText]:
    columns = (column.to_list() for column in words)
    return [
        WordsOfText(*(np.array(values, np.int32) for values in of_text))
        for of_text in zip(*columns, strict=True)
    ]


def _without_graph(model: Answering, batch: Batch) -> dict[str, np.ndarray]:
    outputs = model(dict(batch), training=False)
    return {name: output.numpy() for name, output in outputs.items()}


def _padded(token_ids: tf.RaggedTensor, rows: np.ndarray) -> Batch:
    chosen = tf.gather(token_ids, rows)
    mask = tf.sequence_mask(chosen.row_lengths())
    return {"token_ids": chosen.to_tensor().numpy(), "padding_mask": mask.numpy()}
