"""The card tells what the run's files tell, and what it says to paste works."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from support.cards import block, rows
from support.serving_stub import ServingStub

from mtl_keras.export.model_card import CARD, EXAMPLE, training_parts
from mtl_keras.export.origin import Origin
from mtl_keras.models.prediction import answer
from mtl_keras.runs.left_out import LeftOut
from mtl_keras.runs.run import LEFT_OUT, Run
from mtl_keras.storage.run_folder import RECORD


@pytest.fixture(scope="module")
def card(published):
    return (published / CARD).read_text(encoding="utf-8")


def test_it_names_the_model_and_its_tasks(card, trained):
    assert card.startswith("# letters, version 1\n")
    record = Run.open(trained).read_json("run.json")
    for name, _, labels, *counts in rows(card, "Tasks"):
        assert labels.split(", ") == record["tasks"][name]["labels"]
        actual = [int(count) for count in counts if count != "0"]
        assert actual == list(record["examples"][name].values())


def test_its_scores_are_those_of_the_run(card, trained):
    metrics = Run.open(trained).read_json("metrics.json")
    actual = rows(card, "Scores")
    assert len(actual) == 4
    for task, split, examples, metric, value, between in actual:
        of_task = metrics[split][task]
        assert int(examples) == of_task["examples"]
        assert float(value) == pytest.approx(of_task[metric], abs=1e-4)
        low, high = map(float, between.split(" to "))
        assert [low, high] == pytest.approx([of_task["low"], of_task["high"]], abs=1e-4)


def test_it_tells_the_stages_and_the_signatures(card):
    assert [row[1:3] for row in rows(card, "Training")] == [["backbone", "1"], ["none", "2"]]
    signatures = {row[0].strip("`"): row[2] for row in rows(card, "Signatures")}
    assert [*signatures] == [
        *("serving_default", "topic", "entities", "embed", "reading", "labels")
    ]
    assert signatures["embed"] == "`embedding`"
    assert "`topic/scores`" in signatures["serving_default"]


def test_it_tells_nothing_of_the_machine_or_the_texts(card, trained, published):
    warm_up = (published / "assets.extra" / "tf_serving_warmup_requests").read_bytes()
    text = (trained.parent / "train.csv").read_text().splitlines()[1].rpartition(",")[0]
    for records in (card, warm_up.decode("latin-1")):
        assert str(trained.parent) not in records
        assert text not in records


def test_the_python_example_answers(card, published):
    done = subprocess.run(
        [sys.executable, "-c", block(card, "python")],
        cwd=published,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {line.split()[0] for line in done.stdout.splitlines() if "/" in line} == {
        *(f"entities/{name}" for name in ("count", "label", "limits", "score", "starts")),
        *(f"topic/{name}" for name in ("label", "score", "scores")),
    }


def test_the_curl_example_answers(card, published, trained):
    command, address, option, body = shlex.split(block(card, "sh"))
    assert (command, option) == ("curl", "-d")
    with ServingStub("letters", {1: published}) as stub:
        url = address.replace("http://localhost:8501", stub.rest)
        with urllib.request.urlopen(url, data=body.encode()) as response:
            actual = json.load(response)["outputs"]
    [expected] = answer(Run.open(trained).model(), [EXAMPLE])
    assert actual["topic/label"] == [expected["topic"]["label"]]
    np.testing.assert_allclose(
        actual["topic/scores"][0], [*expected["topic"]["scores"].values()], atol=1e-5
    )


def test_it_shows_a_response_as_it_comes_and_as_the_client_decodes_it(card, trained):
    raw, decoded = map(json.loads, re.findall("```json\\n(.*)\\n```", card))
    [expected] = answer(Run.open(trained).model(), [EXAMPLE])
    assert decoded["topic"]["label"] == expected["topic"]["label"]
    assert decoded["topic"]["scores"] == pytest.approx(expected["topic"]["scores"], abs=1e-4)
    assert decoded.keys() == expected.keys() - {"text"}
    assert raw["outputs"]["topic/label"] == [expected["topic"]["label"]]
    assert raw["outputs"]["read"] == [True]


def test_it_says_what_blocks_above_all_heads_would_have_cost(trained, tmp_path):
    copy = Run(shutil.copytree(trained, tmp_path / "run"))
    saved = LeftOut(blocks=2, of_blocks=6, parameters=2, of_parameters=9, bytes=8)
    copy.write_json(RECORD, copy.read_json(RECORD) | {LEFT_OUT: saved.to_json()})
    paragraph = training_parts(Origin.of_run(copy, None), "raw strings", copy.scores)[1]
    assert paragraph.startswith("No head reads above block_3: the encoder goes without 2 of its 6")
    assert Run(trained).read_json(RECORD)[LEFT_OUT] is None
