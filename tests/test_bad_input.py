"""Whatever comes, the answer is a result or one clear line: files, recipes, commands, texts.

`make hunt` generates thousands of each kind, `make test` a hundred.
"""

import contextlib
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.places import ROOT, SUPPORT, TESTS

from mtl_keras.cli.main import main
from mtl_keras.data.columns import Columns
from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.models.prediction import answer
from mtl_keras.recipes.recipe import load_recipe

CASES = int(os.environ.get("MTL_CASES", "100"))  # of each kind
WEIGHT_FILES = 3 * CASES
TEXTS_A_CASE = 50
LONGEST_SECONDS = 2.0  # of a processor, for a recipe of some kilobytes

ROWS = {
    ".csv": 'text,label\nfine,good\n"broken, again",bad\n"""so"" it\ngoes",good\n',
    ".tsv": "text\tlabel\nfine\tgood\nbroken\tbad\nit goes\tgood\n",
    ".jsonl": '{"text": "fine", "label": "good"}\n{"label": ["bad"], "text": "broken"}\n'
    '{"text": "so it goes", "label": 1.5}\n{"text": "A b", "label": "O B-x"}\n',
    ".json": '[{"text": "fine", "label": "good"},\n{"label": [[0, 3, "x"]], "text": "broken"}]\n',
    ".conllu": "# id = 1\n1\tAnna\t_\tPROPN\t_\t_\t_\t_\t_\t_\n1.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n",
    ".data": 'text;label\nfine;good\n"broken; again";bad\n',
    ".conll": "Anna\tB-person\nlives\tO\n\nin\tO\nNew\tB-city\nYork\tI-city\n.\tO\n",
}
RECIPE = """\
encoder: all-MiniLM-L6-v2
max_length: 64
tasks:
  topic:
    files: {train: news/train.tsv, test: [a.csv, b.csv]}
    columns: {text: [1, 2], label: 0, label_names: {1: World}}
  entities: {kind: tagging, labels: [person, city], files: {train: "*.conll"}}
training:
  schedule: temperature:2
  loss_weights: {topic: 0.5}
  batch_size: 16
  stages:
    - {freeze: backbone, epochs: 3, learning_rate: {heads: 1e-3}}
    - {freeze: [embeddings, "top:2"], watch: topic, protect: {by: distillation, weight: 2}}
"""
FRAGMENTS = [
    *'",\t\n\r \0{}[]:-#&*!|>%@`\\/',
    *("\ufeff", "\u2028", "é", "🙂", "\u202e", "\x1b[31m", "\r\n", '""', "\n\n", "\n\n\n"),
    *("null", "true", "NaN", "-1", "1e999", "0x1F", "1_0", "2024-02-31", "~", ".inf", "[]", "{}"),
    *("text", "label", "O", "B-", "I-city", "E-x", "S-x", "-DOCSTART-", "x" * 2000, "&a [*a]"),
    *("<<: ", "!!python/object:os.system ", "? ", "---\n", "...\n", "- ", "freeze: ", "top:-1"),
]
# A bundled recipe is no bad input: a generated `compare tickets` would train for hours.
COMMANDS = [
    *("train", "evaluate", "predict", "embed", "inspect", "recipes", "advise", "compare"),
    *("export", "demo", "--help", "--version", "--json", "--seeds", "--output", "--input"),
    *("--best", "", "-", "--", "-1", "0", "no_recipe", "missing.yaml", "/", "."),
    *("é\0", "\udcff", "a\nb", "--x"),
]


def mutated(text: str) -> st.SearchStrategy[bytes]:
    """The text with a few pieces of it cut out, repeated, or replaced by odd ones."""
    place = st.integers(0, len(text))
    odd = st.sampled_from(FRAGMENTS).map(str.encode) | st.binary(max_size=4)
    edit = st.tuples(place, place, odd | st.just(b""), st.booleans())
    return st.lists(edit, max_size=4).map(lambda edits: _edited(text.encode(), edits))


def _edited(content: bytes, edits) -> bytes:
    for first, last, odd, keep in edits:
        first, last = sorted((first, last))
        content = content[:first] + odd + (content[first:] if keep else content[last:])
    return content


SCALARS = [
    *("1:30:00", "1" + ":59" * 400, "0x" + "F" * 400, "1" * 5000, "010", "1_0", "-0", "1e999"),
    *("x" * 3000, '"' + "\\u0041" * 500 + '"', "2024-02-31", "!!binary x", "!!set {x}", "~", "="),
    *("[" * 50 + "]" * 50, "- " * 50 + "x", "!!python/name:os.system", "!!int x", "!<x> y", "*x"),
]


FORMS = ["[{}]", "{{<<: [{}]}}", "{{x: 1, <<: [{}]}}", "[[{}], x]", "{{y: [{}]}}"]


def yaml_of_aliases() -> st.SearchStrategy[bytes]:
    """YAML whose values are made of earlier ones, so that a few lines may stand for billions."""
    times, back = st.integers(2, 9), st.integers(1, 3)
    lines = st.lists(st.tuples(st.sampled_from(FORMS), times, back), min_size=6, max_size=30)
    return st.tuples(lines, st.sampled_from(SCALARS)).map(lambda drawn: _aliased(*drawn))


def _aliased(lines, scalar) -> bytes:
    text = "k0: &a0 {x: 1}\n"
    for number, (form, times, back) in enumerate(lines, 1):
        aliases = ", ".join([f"*a{max(0, number - back)}"] * times)
        text += f"k{number}: &a{number} {form.format(aliases)}\n"
    return (text + f"encoder: {scalar}\n").encode()


COLUMNS = st.sampled_from(
    [
        Columns(),
        Columns(text=0, label=1),
        Columns(text=(0, "text"), label=-1),
        Columns(text="text", label="label", label_names={"good": "bad"}),
        Columns(text=0, label=1, header=True),
        Columns(format="csv", delimiter=";", encoding="latin-1"),
        Columns(encoding="utf-16", label_names={"1": "good"}),
    ]
)


def _assert_one_line(error: InputError) -> None:
    assert str(error).isprintable()
    assert 10 < len(str(error)) < 700


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bad_input")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ROWS)
def test_a_data_file_is_read_whole_or_refused_in_one_line(folder, suffix):
    path = folder / f"data{suffix}"

    @settings(max_examples=5 * CASES // len(ROWS))
    @given(
        mutated(ROWS[suffix]) | st.binary(max_size=80),
        st.sampled_from(sorted(LABEL_KINDS)),
        COLUMNS,
    )
    def read(content, kind, columns):
        path.write_bytes(content)
        try:
            dataset = TaskDataset(Task("any", kind, files={"train": path}, columns=columns))
        except InputError as error:
            _assert_one_line(error)
            return
        for split, count in dataset.counts.items():
            examples = list(dataset.examples(split))
            assert len(examples) == count > 0
            assert all(example.text.strip() for example in examples)

    read()


@settings(max_examples=CASES)
@given(mutated(RECIPE) | yaml_of_aliases())
def test_a_recipe_is_read_or_refused_in_one_line(folder, content):
    path = folder / "recipe.yaml"
    path.write_bytes(content)
    begun = time.process_time()
    try:
        recipe = load_recipe(path)
    except InputError as error:
        _assert_one_line(error)
        assert str(path) in str(error)
        return
    finally:
        assert time.process_time() - begun < LONGEST_SECONDS
    assert recipe.tasks and recipe.batch_size > 0


@settings(max_examples=CASES)
@given(st.lists(st.sampled_from(COMMANDS), max_size=4))
def test_a_command_ends_with_a_status_and_at_most_one_line(folder, arguments):
    """Of those that need no TensorFlow; what exists nowhere is refused before it loads."""
    errors = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stderr(errors),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            status = main(arguments)
        except SystemExit as ended:  # argparse's help and version
            status = ended.code
    assert status in (0, 1, 2)
    assert (status == 0) == (not errors.getvalue())
    assert "Traceback" not in errors.getvalue()


@pytest.mark.slow
def test_a_file_of_weights_is_read_as_it_is_or_refused_in_one_line(folder):
    """In a process of its own: such a file can end one. The last number it wrote is the case."""
    done = subprocess.run(
        [sys.executable, SUPPORT / "hostile_weights.py", folder, str(WEIGHT_FILES)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, TESTS)))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + WEIGHT_FILES,
    )
    end = done.stdout.splitlines()[-1:]
    assert done.returncode == 0, (end, done.stderr[-3000:])
    assert end[0].endswith(f"of {WEIGHT_FILES} refused")


ANY_TEXT = st.text(max_size=12) | st.lists(
    st.sampled_from([*FRAGMENTS, "[SEP]", "[PAD]", "a", "bcd ", "ﬁ", "漢", "e\u0301", "\ud800"])
).map("".join)


@settings(max_examples=CASES // 10 + 1)
@given(st.lists(ANY_TEXT, min_size=TEXTS_A_CASE, max_size=TEXTS_A_CASE))
@example(["", "\0", "\ud800", " "])
def test_any_text_is_answered(every_kind_export, texts):
    model, _ = every_kind_export
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    for text, answered in zip(texts, answer(model, texts), strict=True):
        assert answered["topic"]["label"] in model.tasks["topic"].labels
        assert np.isfinite(answered["topic"]["score"])
        assert np.isfinite(answered["stars"]["value"])
        for entity in answered["entities"]:
            assert text[entity["start"] : entity["end"]] == entity["text"] != ""


@pytest.mark.slow
@settings(max_examples=CASES // 10 + 1)
@given(st.lists(st.binary(max_size=24), max_size=2 * TEXTS_A_CASE))
def test_any_bytes_are_served(served, texts):
    actual = served(tf.constant(texts, tf.string, (len(texts),)))
    assert {value.shape[0] for value in actual.values()} == {len(texts)}
    assert np.isfinite(actual["topic/scores"]).all()
    limits = actual["entities/limits"].numpy()
    for text, row, count in zip(texts, limits, actual["entities/count"].numpy(), strict=True):
        assert (row[:count] <= len(text)).all()


@pytest.fixture(scope="module")
def served(every_kind_export):
    _, path = every_kind_export
    loaded = tf.saved_model.load(str(path))
    yield loaded.signatures["serving_default"]
    del loaded
