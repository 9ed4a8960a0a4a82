"""The card of a converted model tells what was measured, and what it says to paste works."""

import json
import subprocess
import sys

import pytest
from support.cards import block, rows

from mtl_keras.export.model_card import CARD, EXAMPLE
from mtl_keras.export.publication import publish
from mtl_keras.models.prediction import answer
from mtl_keras.runs.run import Run


@pytest.fixture(scope="module", params=[("litert", "float16"), ("onnx", "int8")], ids="-".join)
def converted(request, trained, tmp_path_factory):
    """The folder of a version, its format and precision, and what was reported."""
    form, precision = request.param
    lines, folder = [], tmp_path_factory.mktemp("converted") / "letters"
    chosen = {"format": form, "precision": precision, "best": "topic"}
    path = publish(Run.open(trained), folder, **chosen, report=lines.append)
    return path, form, precision, lines


@pytest.fixture
def card(converted):
    return (converted[0] / CARD).read_text(encoding="utf-8")


@pytest.mark.slow
def test_it_names_the_model(card, converted):
    path, form, precision, _ = converted
    assert card.startswith(f"# letters, version 1: {form}, {precision}\n")
    assert "with the best weights for topic of the run run" in card
    files = {row[0].strip("`") for row in rows(card, "Files")}
    assert files | {CARD} == {child.name for child in path.iterdir()}
    assert [child.name for child in path.parent.iterdir()] == ["1"], "nothing of TensorFlow Serving"


def test_its_table_is_the_one_reported(card, converted):
    *_, [message] = converted
    actual = rows(card, "What the conversion changed")
    records = [line.split() for line in message.splitlines()[2:]]
    assert records == [" ".join(row).split() for row in actual]
    assert [row[0] for row in actual[3:5]] == [
        *("topic accuracy, test, 12 examples", "entities span_f1, test, 12 examples")
    ]


def test_its_scores_are_those_in_the_table(card):
    table = {row[0].split()[0]: row[2] for row in rows(card, "What the conversion changed")[3:5]}
    assert table == {row[0]: row[4] for row in rows(card, "Scores")}


def test_its_example_answers(card, converted, trained):
    path, *_ = converted
    code = block(card, "python") + '\nprint(json.dumps(dict(names=[*outputs]) | {"topic":'
    code += ' tasks["topic"]["classes"][outputs["topic"][0].argmax()]}))'
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=path, capture_output=True, text=True, check=True
    )
    actual = json.loads(done.stdout.splitlines()[-1])
    assert sorted(actual["names"]) == ["entities", "topic"]
    [expected] = answer(Run.open(trained).model("topic"), [EXAMPLE])
    assert actual["topic"] == expected["topic"]["label"]
