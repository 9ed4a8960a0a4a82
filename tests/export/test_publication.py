"""A version has its number only where its answers are the model's."""

import shutil

import pytest

from mtl_keras.errors import InputError, WorkError
from mtl_keras.export import publication
from mtl_keras.export.publication import next_version, publish
from mtl_keras.runs.run import Run


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_version_has_its_card_warm_up_and_server_files(published):
    assert _names(published.parent) == [
        *(".dockerignore", "1", "Dockerfile", "batching.config", "compose.yaml"),
        *("kubernetes.yaml", "models.config", "monitoring.config"),
    ]
    assert _names(published) == [
        *("README.md", "assets", "assets.extra", "fingerprint.pb", "openapi.json"),
        *("saved_model.pb", "variables"),
    ]


@pytest.fixture
def quick(published, monkeypatch):
    """What is written is a copy of that export, and not compared; says what was asked of it."""
    asked = []
    monkeypatch.setattr(
        publication, "export_saved_model", lambda model, path: shutil.copytree(published, path)
    )
    monkeypatch.setattr(publication, "verify", lambda model, path, texts: len([*texts]))
    monkeypatch.setattr(
        publication, "verify_against", lambda path, other, texts: asked.append(other) or 7
    )
    return asked


def test_the_next_version_is_compared_and_leaves_the_files_beside_it(
    trained, published, tmp_path, quick, monkeypatch
):
    monkeypatch.setattr(publication.importlib.util, "find_spec", lambda name: None)
    versions, lines = tmp_path / "versions", []
    (versions / "1").mkdir(parents=True)
    (versions / "compose.yaml").write_text("mine")
    path = publish(
        Run.open(trained), versions, best="topic", against=published, report=lines.append
    )
    assert path == versions / "2"
    assert lines == [
        "38 texts have the same answers as the model's",
        f"7 texts have the same answers as those of {published}",
        "no warm-up requests for TensorFlow Serving: pip install 'mtl_keras[serving]'",
    ]
    assert quick == [published]
    assert (versions / "compose.yaml").read_text() == "mine"
    assert "the best weights for topic" in (path / "README.md").read_text()


def test_of_two_at_once_the_second_learns_who_the_first_is(
    trained, published, tmp_path, quick, monkeypatch
):
    versions, lines = tmp_path / "versions", []

    def write_and_try_another(model, path):
        for form in ("saved_model", "onnx"):
            with pytest.raises(InputError, match=rf"{versions}: process \d+ .* is writing here"):
                publish(Run.open(trained), versions, format=form, report=lines.append)
        shutil.copytree(published, path)

    with monkeypatch.context() as patch:
        patch.setattr(publication, "export_saved_model", write_and_try_another)
        assert publish(Run.open(trained), versions, report=lambda line: None) == versions / "1"
    assert lines == []
    assert not (versions / "lock").exists()
    (versions / "latest").symlink_to("1")
    assert publish(Run.open(trained), versions, report=lambda line: None) == versions / "2"


def test_what_differs_or_fails_leaves_no_version(trained, tmp_path, quick, monkeypatch):
    def refuse(*arguments):
        raise WorkError("differs")

    monkeypatch.setattr(publication, "verify", refuse)
    with pytest.raises(WorkError, match="differs"):
        publish(Run.open(trained), tmp_path / "versions", report=lambda line: None)
    assert _names(tmp_path / "versions") == []


def test_without_its_files_a_run_is_compared_on_odd_texts(trained, tmp_path, quick):
    run = shutil.copytree(trained, tmp_path / "elsewhere" / "run")
    text = (run / "run.json").read_text().replace(str(trained.parent), str(tmp_path / "gone"))
    (run / "run.json").write_text(text)
    lines = []
    publish(Run.open(run), tmp_path / "versions", report=lines.append)
    assert lines[0].startswith("compared on odd texts only: ")
    assert lines[1].startswith("0 texts have the same")


def test_another_format_that_differs_leaves_no_version(trained, tmp_path, monkeypatch):
    def write(model, folder, form, precision, datasets):
        folder.mkdir()
        (folder / form.file).touch()
        raise WorkError("differs")

    monkeypatch.setattr(publication, "convert", write)
    with pytest.raises(WorkError, match="differs"):
        publish(Run.open(trained), tmp_path / "versions", format="onnx", report=lambda line: None)
    assert _names(tmp_path / "versions") == []


def test_lower_precision_needs_the_files_it_is_judged_on(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "elsewhere" / "run")
    text = (run / "run.json").read_text().replace(str(trained.parent), str(tmp_path / "gone"))
    (run / "run.json").write_text(text)
    chosen = {"format": "litert", "precision": "int8"}
    with pytest.raises(InputError, match="int8 must be checked on the recipe's files, which"):
        publish(Run.open(run), tmp_path / "versions", **chosen, report=lambda line: None)
    assert not (tmp_path / "versions").exists()


@pytest.mark.parametrize(("names", "number"), [([], 1), (["1", "9", "10"], 11), (["x", "²"], 1)])
def test_the_next_version_is_above_all(tmp_path, names, number):
    for name in names:
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == number


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folder": "file"}, "file: is a file; give the folder of the versions"),
        ({"against": "nothing"}, r"nothing: no export here \(saved_model.pb is absent\)"),
        ({"folder": "my versions"}, "model name 'my versions': expected letters"),
        ({"best": "tone"}, "no best weights of 'tone'; there are"),
        ({"format": "onxx"}, "there are saved_model, litert, onnx; did you mean 'onnx'"),
        ({"precision": "int8"}, "saved_model has float32; --format litert, onnx has it"),
        ({"folder": "litert"}, "its versions have the format litert"),
        ({"format": "onnx", "against": "."}, "--verify-against compares SavedModels; --format is"),
    ],
)
def test_what_cannot_be_exported_is_refused(trained, tmp_path, arguments, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "saved_model.pb").write_text("")
    (tmp_path / "litert" / "1").mkdir(parents=True)
    (tmp_path / "litert" / "1" / "model.tflite").write_text("")
    given = {"folder": "versions"} | arguments
    given |= {k: tmp_path / given[k] for k in ("folder", "against") if k in given}
    with pytest.raises(InputError, match=message):
        publish(Run.open(trained), **given, report=lambda line: None)
    assert not (tmp_path / "versions").exists()
