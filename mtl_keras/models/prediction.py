"""Raw strings → every task's answer."""

import functools
from collections.abc import Callable, Collection, Sequence

import numpy as np
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.wordpiece import TokenizedText
from mtl_keras.models.inference import Batch
from mtl_keras.models.multi_task_model import MultiTaskModel

LookUp = Callable[[Batch], Batch]
Forward = Callable[[Batch], Batch]


def answer(
    model: MultiTaskModel, texts: Sequence[str], *, batch_size: int = 32, graph: bool = True
) -> list[dict]:
    """Every task's answer for each text.

    Args:
        model: a trained model.
        texts: any strings. What is beyond the encoder's `max_length` is not read.
        batch_size: texts a pass.
        graph: whether a graph is made of the model, which takes a second and pays for itself from
            the second batch on.

    Returns:
        A dict a text: `text`, and per task
        classification `{"label", "score", "scores": {label: probability}}`;
        multilabel `{"labels", "scores"}` (labels of probability over 0.5);
        regression `{"value"}`;
        tagging `[{"start", "end", "text", "label", "score"}]`, character offsets, the score the
        mean probability of the span's words.
    """
    tokenized = model.encoder.tokenizer(tf.constant(list(texts), tf.string, (len(texts),)))
    forward = None if graph else functools.partial(_without_graph, model)
    outputs = task_outputs(model, tokenized, batch_size=batch_size, forward=forward)
    words = model.encoder.tokenizer.split_words(tokenized)
    answers: list[dict] = [{"text": text} for text in texts]
    for name, task in model.tasks.items():
        for index, text in enumerate(texts):
            found = outputs[name][index]
            if task.kind == "tagging":
                places = [each[index].numpy() for each in words]
                answers[index][name] = _entities(task, text, found, *places)
            else:
                answers[index][name] = _ANSWERS[task.kind](task, found)
    return answers


def task_outputs(
    model: MultiTaskModel,
    tokenized: TokenizedText,
    *,
    batch_size: int = 32,
    features: LookUp | None = None,
    forward: Forward | None = None,
) -> dict[str, list[np.ndarray]]:
    """Task → one array a text, in order: the head's outputs, without padding.

    Args:
        model: whose tasks and tokenizer they are.
        tokenized: the texts.
        batch_size: texts a pass.
        features: finds what the model takes beside token ids and mask.
        forward: computes them in the model's place.
    """
    of_pieces = [name for name, task in model.tasks.items() if task.kind == "tagging"]
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
    """Output name → one array a text, in order, without padding.

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
    order = np.argsort(-lengths, kind="stable")
    outputs: dict[str, list] = {name: [None] * len(order) for name in names}
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        padded = _padded(tokenized.token_ids, rows)
        batch = forward(features(padded) if features else padded)
        for name in names:
            for row, found in zip(rows, batch[name], strict=True):
                outputs[name][row] = found[: lengths[row]] if name in of_pieces else found
    return outputs


def spans(tags: Sequence[int]) -> list[tuple[int, int, int]]:
    """`(type, first, end)` of each span in a row of tag indices (as in `Task.classes`).

    `end` is one past the last word. An `I-` that continues nothing begins a span.

    Example:

    >>> spans([0, 1, 2, 4, 3])
    [(0, 1, 3), (1, 3, 4), (1, 4, 5)]
    """
    found: list[tuple[int, int, int]] = []
    for place, tag in enumerate(tags):
        kind = (tag - 1) // 2
        continues = tag > 0 and tag % 2 == 0 and place > 0 and tags[place - 1] > 0
        if continues and found and found[-1][0] == kind and found[-1][2] == place:
            found[-1] = (kind, found[-1][1], place + 1)
        elif tag > 0:
            found.append((kind, place, place + 1))
    return found


def _without_graph(model: MultiTaskModel, batch: Batch) -> dict[str, np.ndarray]:
    return {name: each.numpy() for name, each in model(dict(batch), training=False).items()}


def _padded(token_ids: tf.RaggedTensor, rows: np.ndarray) -> Batch:
    chosen = tf.gather(token_ids, rows)
    mask = tf.sequence_mask(chosen.row_lengths())
    return {"token_ids": chosen.to_tensor().numpy(), "padding_mask": mask.numpy()}


def _classification(task: Task, scores: np.ndarray) -> dict:
    best = int(np.argmax(scores))
    named = dict(zip(task.labels, map(float, scores), strict=True))
    return {"label": task.labels[best], "score": float(scores[best]), "scores": named}


def _multilabel(task: Task, scores: np.ndarray) -> dict:
    named = dict(zip(task.labels, map(float, scores), strict=True))
    return {"labels": [label for label, score in named.items() if score > 0.5], "scores": named}


def _regression(task: Task, value: np.ndarray) -> dict:
    return {"value": float(value)}


_ANSWERS = {
    "classification": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
}


def _entities(
    task: Task,
    text: str,
    scores: np.ndarray,
    first_piece: np.ndarray,
    starts: np.ndarray,
    limits: np.ndarray,
) -> list[dict]:
    """Spans over the words of a raw text, byte offsets turned into characters."""
    of_words = scores[first_piece]  # (words, classes)
    encoded = text.encode()
    entities = []
    for kind, first, end in spans(of_words.argmax(-1)):
        start, limit = (
            len(encoded[:offset].decode(errors="ignore"))
            for offset in (starts[first], limits[end - 1])
        )
        score = float(of_words[first:end].max(-1).mean())
        entity = {"start": start, "end": limit, "text": text[start:limit]}
        entities.append(entity | {"label": task.labels[kind], "score": score})
    return entities
