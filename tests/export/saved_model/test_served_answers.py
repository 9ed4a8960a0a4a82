"""What signatures return is read as the model itself answers."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from support.asserts import assert_same_answers
from support.every_kind import LABELS, TASKS, TEXTS, make_model

from mtl_keras.data.answer_forms import form_of
from mtl_keras.encoders.tokenizers.truncation import is_whole
from mtl_keras.errors import WorkError
from mtl_keras.export.saved_model.graph_answers import flat, task_answer
from mtl_keras.export.saved_model.served_answers import read_answers
from mtl_keras.models.prediction import answer


@pytest.fixture(scope="module")
def model(tiny_bert):
    return make_model(tiny_bert)


@pytest.fixture(scope="module")
def outputs(model):
    """What an export's `serving_default` returns, computed without one."""
    tokenizer = model.encoder.tokenizer
    tokenized = tokenizer(tf.constant(TEXTS))
    token_ids = tokenized.token_ids
    mask = tf.sequence_mask(token_ids.row_lengths())
    heads = model({"token_ids": token_ids.to_tensor(), "padding_mask": mask}, training=False)
    words = tokenizer.split_words(tokenized)
    actual = flat({task.name: task_answer(task, heads[task.name], words) for task in TASKS})
    actual["read"] = is_whole(tokenizer, tf.constant(TEXTS), tokenized)
    return {name: tensor.numpy() for name, tensor in actual.items()}


@pytest.mark.slow
def test_answers_are_the_models(model, outputs):
    actual = read_answers(outputs, TEXTS, LABELS)
    assert_same_answers(actual, answer(model, TEXTS))
    assert any(len(one["entities"]) > 2 for one in actual), "without entities nothing is shown"
    assert len({len(one["flags"]["labels"]) for one in actual}) > 1, "nor without padding"


def test_lists_and_str_are_read_like_arrays_of_bytes(outputs):
    """REST gives lists and str."""

    def plain(value):
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value.decode() if isinstance(value, bytes) else value

    rest = {name: plain(column.tolist()) for name, column in outputs.items()}
    assert read_answers(rest, TEXTS, LABELS) == read_answers(outputs, TEXTS, LABELS)
    as_bytes = {task: np.array([name.encode() for name in names]) for task, names in LABELS.items()}
    assert read_answers(outputs, TEXTS, as_bytes) == read_answers(outputs, TEXTS, LABELS)


def test_one_tasks_outputs_are_enough(outputs):
    everything = read_answers(outputs, TEXTS, LABELS)
    own = {name: column for name, column in outputs.items() if name in ("stars/value", "read")}
    actual = read_answers(own, TEXTS, {})
    assert actual == [{name: one[name] for name in ("text", "read", "stars")} for one in everything]


def test_offsets_inside_a_character_are_rounded_down():
    columns = {"label": [["city"]], "starts": [[1]], "limits": [[6]], "score": [[0.5]]}
    outputs = {f"places/{name}": column for name, column in columns.items()} | {"places/count": [1]}
    [actual] = read_answers(outputs, ["é🙂x"], {})  # bytes 0-2, 2-6, 6-7
    assert actual["places"] == [
        {"start": 0, "end": 2, "text": "é🙂", "label": "city", "score": 0.5}
    ]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_outputs_show_the_form_of_the_answer(task, outputs):
    names = [output.split("/")[1] for output in outputs if output.startswith(f"{task.name}/")]
    assert form_of(names) is task.label_kind.form


def test_no_text_has_no_answer(outputs):
    assert read_answers({name: column[:0] for name, column in outputs.items()}, [], LABELS) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": ["a"]}, "topic/label has 8 rows for 1 texts; expected one row per text"),
        ({"labels": {}}, "3 scores for 0 labels; expected one score per label: read the labels"),
        ({"outputs": {"tone/loss": [1.0]}}, "the outputs loss fit no known kind of task"),
    ],
)
def test_what_does_not_fit_is_reported_in_a_line(outputs, change, message):
    arguments = {"outputs": outputs, "texts": TEXTS, "labels": LABELS} | change
    if "outputs" in change:
        arguments["texts"] = ["a"]
    with pytest.raises(WorkError, match=message):
        read_answers(**arguments)


def test_it_loads_without_tensorflow():
    module = "mtl_keras.export.saved_model.served_answers"
    program = f"import sys, {module}; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
