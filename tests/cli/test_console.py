"""What is printed for people."""

import pytest

from mtl_keras.cli.console import print_metrics, print_plan, readable, warn
from mtl_keras.data.clock import Step
from mtl_keras.data.task import Task

TASKS = {
    "topic": Task("topic", labels=["billing", "delivery"]),
    "flags": Task("flags", kind="multilabel", labels=["a", "b", "c"]),
    "stars": Task("stars", kind="regression"),
    "places": Task("places", kind="tagging", labels=["city"]),
    "parts": Task("parts", kind="token_labels", labels=["NOUN", "VERB"]),
}
FORMS = {name: task.label_kind.form for name, task in TASKS.items()}


@pytest.mark.parametrize(
    ("name", "answer", "line"),
    [
        ("topic", {"label": "billing", "score": 0.875}, "billing (0.88)"),
        ("flags", {"labels": ["a", "b"], "scores": {"a": 0.9, "b": 0.6}}, "a (0.90), b (0.60)"),
        ("flags", {"labels": [], "scores": {"a": 0.1}}, "none"),
        ("stars", {"value": 3.14159}, "3.142"),
        ("places", [{"text": "Rome", "label": "city", "score": 0.5}], "Rome (city, 0.50)"),
        ("places", [], "none"),
        ("parts", [{"text": "Rome", "label": "NOUN", "score": 0.5}], "Rome (NOUN, 0.50)"),
    ],
)
def test_an_answer_is_a_line(name, answer, line):
    answers = {"text": "hello", name: answer}
    assert readable(answers, {name: FORMS[name]}) == f"hello\n  {name}: {line}"


@pytest.mark.parametrize("read", [True, False])
def test_a_text_that_is_not_read_whole_says_so(read):
    answers = {"text": "hello", "read": read, "stars": {"value": 1.0}}
    _, *lines = readable(answers, {"stars": FORMS["stars"]}).splitlines()
    assert lines[-1] == "  stars: 1"
    assert [("only its beginning" in line) for line in lines[:-1]] == ([] if read else [True])


def test_metrics_have_a_row_for_each_task_and_split(capsys):
    scores = {"examples": 1200, "accuracy": 0.5, "loss": 1.0, "low": 0.4, "high": 0.6}
    print_metrics({"test": {"topic": scores}})
    row = capsys.readouterr().out.splitlines()[-1].split()
    assert row[:3] == ["topic", "test", "1,200"]
    assert " ".join(row[3:]) == "accuracy 0.5000 (0.4000 to 0.6000), loss 1.0000"


def test_an_undefined_metric_is_a_dash_with_its_note_under_the_table(capsys):
    scores = {"examples": 9, "span_f1": None, "loss": 1.0, "low": None, "high": None}
    print_metrics({"test": {"places": scores | {"notes": {"span_f1": "undefined: no span"}}}})
    *_, row, note = capsys.readouterr().out.splitlines()
    assert row.split()[3:] == ["span_f1", "-,", "loss", "1.0000"]
    assert note == "places, test: span_f1 undefined: no span"


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


def test_a_terminal_gets_the_share_of_the_work(capsys, monkeypatch):
    step = Step("tone, train: 9 rows", what="reading", share=0.25)
    warn(step)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    warn(step)
    assert capsys.readouterr().err.splitlines() == [
        "mtl-keras: tone, train: 9 rows",
        "mtl-keras: tone, train: 9 rows (25%)",
    ]


def test_warnings_are_beside_the_output(capsys):
    warn("a file has changed")
    assert tuple(capsys.readouterr()) == ("", "mtl-keras: a file has changed\n")


@pytest.mark.parametrize("text", ["", " ", "a\n b", "\nhello"])
def test_a_text_keeps_its_characters_and_every_answer_is_indented(text):
    answers = {"text": text, "stars": {"value": 1.0}}
    lines = readable(answers, {"stars": FORMS["stars"]}).split("\n")
    first, *rest = text.split("\n")
    assert lines == [first, *(f"  {line}" for line in rest), "  stars: 1"]
