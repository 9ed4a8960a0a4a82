"""What became of a split's examples, of every kind, in the pass that scores them."""

import json

import pytest
from support.every_kind import open_every_kind

from mtl_keras.data.audit import constant_answer
from mtl_keras.evaluation.review import evaluate_and_review
from mtl_keras.evaluation.scores import evaluate
from mtl_keras.models.multi_task_model import MultiTaskModel

pytestmark = pytest.mark.slow
# The best answers that read no text, from the labels in `support.every_kind`.
CONSTANTS = {
    "topic": ("'x'", 2 / 3),
    "entities": ("no span", 0.0),
    "products": ("'p', 'q'", 2 * 4 / (6 + 4)),
    "stars": ("2.5, the mean of training", 1.0),
    "parts": ("'O'", 3 / 5),
}


@pytest.fixture(scope="module")
def reviewed(tiny_encoder, tmp_path_factory):
    datasets = open_every_kind(tmp_path_factory.mktemp("kinds"))
    model = MultiTaskModel(tiny_encoder(), [dataset.task for dataset in datasets.values()])
    return model, datasets, *evaluate_and_review(model, datasets)


def test_scores_are_those_of_evaluate_and_the_last_split_is_reviewed(reviewed):
    model, datasets, scores, reviews = reviewed
    assert scores["test"] == {}
    for name, dataset in datasets.items():
        assert scores["validation"][name] == evaluate(model, dataset, "validation")
        assert reviews[name]["split"] == "validation"
        assert reviews[name]["examples"] == dataset.counts["validation"]
    assert json.loads(json.dumps(reviews)) == reviews


def test_the_calibration_curve_has_the_calibration_error(reviewed):
    *_, scores, reviews = reviewed
    for name, review in reviews.items():
        bins = review["calibration"]
        error = scores["validation"][name]["ece"]
        count = sum(part["count"] for part in bins)
        gaps = sum(part["count"] * abs(part["right"] - part["confidence"]) for part in bins)
        assert (gaps / count if count else None) == pytest.approx(error, abs=1e-6)


@pytest.mark.parametrize("name", CONSTANTS)
def test_the_best_answer_without_reading_is_scored(reviewed, name):
    constant = reviewed[-1][name]["constant"]
    words, value = CONSTANTS[name]
    assert constant == {"words": words, "value": pytest.approx(value)}


@pytest.mark.parametrize("name", ["topic", "entities", "products", "parts"])
def test_the_best_answer_without_reading_scores_the_same_by_counts(reviewed, name):
    _, datasets, _, reviews = reviewed
    dataset = datasets[name]
    answer = constant_answer(dataset.task, dataset, "validation")
    counts, examples = dataset.label_counts["validation"], dataset.counts["validation"]
    part, whole = dataset.task.label_kind.constant.sums(answer, counts, examples)
    assert part / whole == pytest.approx(reviews[name]["constant"]["value"])


def test_mistakes_have_their_places_and_are_in_order(reviewed):
    _, datasets, _, reviews = reviewed
    for name, review in reviews.items():
        scores = [mistake["score"] for mistake in review["mistakes"]]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == min(20, review["wrong"])
        files = {mistake["place"].rpartition(":")[0] for mistake in review["mistakes"]}
        assert files <= {*datasets[name].files}


def test_the_matrix_has_everything_that_was_judged(reviewed):
    reviews = reviewed[-1]
    assert reviews["stars"]["matrix"] is None
    assert reviews["stars"]["numbers"]
    counts = reviews["topic"]["matrix"]["counts"]
    assert sum(map(sum, counts)) == reviews["topic"]["examples"]
    by_label = reviews["topic"]["labels"]
    assert sum(of_label["right"] for of_label in by_label.values()) == reviews["topic"]["examples"]
