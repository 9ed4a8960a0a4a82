"""A run over hostile labels and texts: nothing that people are shown does what they say."""

import json
import re
from types import SimpleNamespace

import pytest
import tensorflow as tf
from markdown_it import MarkdownIt
from support.command import run_command
from support.hostile import LABELS, hidden
from tensorflow.core.util import event_pb2

from mtl_keras.data.labels import as_label
from mtl_keras.display import one_line
from mtl_keras.export.model_card import model_card
from mtl_keras.export.origin import Origin
from mtl_keras.export.saved_model.rest_description import FILE as OPENAPI
from mtl_keras.runs.run import Run
from mtl_keras.serving.demo.application import render_page
from mtl_keras.serving.demo.sources import find_source

pytestmark = pytest.mark.slow
TEXT = "aaa \x1b[31m\u202e <script>\nb\x9b"


@pytest.fixture(scope="module")
def hostile(tiny_bert, tmp_path_factory):
    """The folder of a run whose labels are hostile, and its recipe."""
    folder = tmp_path_factory.mktemp("hostile")
    for split, times in (("train", 3), ("validation", 1), ("test", 1)):
        rows = [{"text": f"{TEXT} {n}", "label": name} for n, name in enumerate(times * LABELS)]
        lines = "\n".join(map(json.dumps, rows))
        (folder / f"{split}.jsonl").write_text(lines + "\n", encoding="utf-8")
    files = ", ".join(f"{split}: {split}.jsonl" for split in ("train", "validation", "test"))
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f"encoder: {tiny_bert}\nmax_length: 8\ntasks:\n  topic:\n"
        f"    labels: {json.dumps(LABELS)}\n    files: {{{files}}}\n"
        "training: {batch_size: 24, stages: [{freeze: backbone, epochs: 1}]}\n"
    )
    return folder / "run", recipe


def test_no_command_prints_what_is_hidden(hostile, capsys):
    run, recipe = hostile
    commands = [
        ("train", recipe, "--output", run),
        ("train", recipe, "--output", run, "--resume"),
        ("evaluate", run),
        ("predict", run, TEXT),
        ("predict", run, TEXT, "--json"),
        ("advise", recipe),
        ("advise", recipe, "--json"),
        ("inspect", recipe),
    ]
    for command in commands:
        status, out, err = run_command(capsys, *command)
        printed = re.sub(r"\x1b\[[0-9;]*m|[\b\r]", "", out) if command[0] == "train" else out
        assert (status, hidden(printed), hidden(err)) == (0, set(), set()), command


def test_json_answers_are_exact(hostile, capsys):
    _, out, _ = run_command(capsys, "predict", hostile[0], TEXT, "--json")
    answer = json.loads(out)
    assert answer["text"] == TEXT
    assert {*answer["topic"]["scores"]} == {*map(as_label, LABELS)}


def test_a_wrong_label_is_an_error_of_one_seen_line(hostile, capsys):
    _, recipe = hostile
    other = recipe.with_name("other.yaml")
    other.write_text(recipe.read_text().replace(json.dumps(LABELS), json.dumps(LABELS[1:])))
    status, _, err = run_command(capsys, "inspect", other)
    assert (status, err.count("\n"), hidden(err)) == (2, 1, set())
    assert "unknown label '[31mred[0m'" in err


def test_the_card_shows_labels_as_text(hostile):
    run = Run.open(hostile[0])
    version = SimpleNamespace(name="[a](b)", version="1", size=1, compared=1)
    measured = {"scores": run.scores, "signatures": {}, "milliseconds": {1: 1.0}}
    measured |= {"response": {}, "answer": {}, "branches": []}
    card = model_card(Origin.of_run(run, None), **vars(version), **measured)
    assert hidden(card) == set()
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(card)
    assert not re.search("<(script|img|em|del)[ >]", page)
    assert re.findall("<a .*?>", page) == [f'<a href="{OPENAPI}">']  # the card's own link
    cells = re.search("<td>topic</td>\n<td>classification</td>\n<td>(.*?)</td>", page)[1]
    assert "[31mred[0m" in cells


def test_the_page_shows_labels_as_text(hostile):
    source = find_source(hostile[0])()
    page = render_page(source).html
    assert hidden(page) == set()
    assert page.count("<script") == page.count("</script") == 2
    facts = json.loads(re.search('id="facts">(.*?)</script>', page, re.DOTALL)[1])
    (task,) = facts["tasks"]
    assert {*task["labels"]} == {*map(as_label, LABELS)}
    assert all(hidden(task["shown"].get(label, label)) == set() for label in task["labels"])
    assert task["shown"] == {x: one_line(x) for x in task["labels"] if x != one_line(x)}


def test_tags_of_tensorboard_hold_no_label(hostile):
    files = [str(path) for path in (hostile[0] / "logs").rglob("events*")]
    tags = set()
    for record in tf.data.TFRecordDataset(files):
        summary = event_pb2.Event.FromString(record.numpy()).summary
        tags |= {value.tag for value in summary.value}
    assert tags
    assert all(re.fullmatch("[a-z0-9_/]+", tag) for tag in tags)
    assert re.fullmatch(r"[\w,.\n\r-]+", (hostile[0] / "history.csv").read_text())
