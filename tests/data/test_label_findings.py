"""What is legal and suspicious in labels and files is found once."""

import pytest

from mtl_keras.data.audit import audit
from mtl_keras.data.columns import Columns
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset


def _findings(folder, train, kind="classification", name="train.csv", test=None, **columns):
    (folder / name).write_text(train, encoding="utf-8")
    files = {"train": name}
    if test is not None:
        (folder / f"test-{name}").write_text(test, encoding="utf-8")
        files["test"] = f"test-{name}"
    task = Task("mood", kind, files=files, columns=Columns(**columns))
    findings = audit({"mood": TaskDataset(task, base_folder=folder)})
    return {finding.about: finding for finding in findings}


CSV = "text,label\n" + "".join(f"t {row},{'ab'[row % 2]}\n" for row in range(20))


def test_clean_files_have_none(tmp_path):
    assert _findings(tmp_path, CSV) == {}


@pytest.mark.parametrize(
    ("more", "about", "labels"),
    [
        ("x,A\n" * 5, "alike", {"a", "A"}),
        ("x,sentiment\n" * 5, "column_name", {"sentiment"}),
        ("x,?\ny,NA\nz,None\n" * 5, "maybe_missing", {"?", "NA", "None"}),
        ("x,a;b\n" * 5, "joined", {"a;b"}),
    ],
)
def test_suspicious_labels_are_named(tmp_path, more, about, labels):
    assert set(_findings(tmp_path, CSV + more)[about].labels) == labels


def test_a_mapping_in_vain_and_hidden_characters_are_named(tmp_path):
    findings = _findings(
        tmp_path, CSV + "x,\u200ba\ny,b\ufeff\n", label_names={"a": "good", "bb": "bad", "b": "bad"}
    )
    assert findings["unused_names"].labels == ("bb",)
    hidden = findings["hidden"]
    assert (hidden.count, hidden.of) == (2, 22)
    assert hidden.in_words().endswith("train.csv:22")


def test_quotes_of_a_tsv_and_formats_that_were_guessed_are_said(tmp_path):
    content = CSV.replace(",", "\t") + '"x"\ta\n'
    assert _findings(tmp_path, content, name="train.tsv")["quoted"].count == 1
    sniffed = _findings(tmp_path, CSV.replace(",", ";"), name="mood.data")["sniffed"]
    assert "is read as \"csv, separated by ';'\"" in sniffed.in_words()


def test_labels_that_training_lacks_are_named_with_the_nearest(tmp_path):
    train = CSV.replace(",a", ",flight").replace(",b", ",fare")
    more = _findings(tmp_path, train, test="text,label\nu,flights\nv,fare\nw,xyz\n")["more"]
    assert (more.split, more.count, more.of) == ("test", 2, 3)
    assert (more.labels, more.nearest) == (("flights", "xyz"), ("flight", ""))
