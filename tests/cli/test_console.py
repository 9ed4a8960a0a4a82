"""What is printed for people."""

import pytest

from mtl_keras.cli.console import print_metrics, print_plan, readable, warn


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"label": "billing", "score": 0.875, "scores": {"billing": 0.875}}, "billing (0.88)"),
        ({"labels": ["a", "b"], "scores": {"a": 0.9, "b": 0.6, "c": 0.1}}, "a (0.90), b (0.60)"),
        ({"labels": [], "scores": {"a": 0.1}}, "none"),
        ({"value": 3.14159}, "3.142"),
        ([{"text": "Rome", "label": "city", "score": 0.5}], "Rome (city, 0.50)"),
        ([], "none"),
    ],
)
def test_an_answer_is_a_line(answer, line):
    assert readable({"text": "hello", "task": answer}) == f"hello\n  task: {line}"


def test_metrics_have_a_row_for_each_task_and_split(capsys):
    scores = {"examples": 1200, "accuracy": 0.5, "loss": 1.0, "low": 0.4, "high": 0.6}
    print_metrics({"test": {"topic": scores}})
    row = capsys.readouterr().out.splitlines()[-1].split()
    assert row[:3] == ["topic", "test", "1,200"]
    assert " ".join(row[3:]) == "accuracy 0.5000 (0.4000 to 0.6000), loss 1.0000"


def test_a_plan_ends_with_how_many_parameters_train(capsys):
    print_plan(
        [
            {"group": "block_0", "parameters": 1000, "stages": [None, 1e-5]},
            {"group": "heads/topic", "parameters": 20, "stages": [1e-3, 1e-3]},
        ]
    )
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[2] == ["block_0", "1,000", "frozen", "1e-05"]
    assert rows[-1] == ["all", "1,020", "20", "1,020"]


def test_warnings_are_beside_the_output(capsys):
    warn("a file has changed")
    assert tuple(capsys.readouterr()) == ("", "mtl-keras: a file has changed\n")
