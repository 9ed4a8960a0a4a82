"""What the pages claim is so: links, commands, recipes, Python, and the reference."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import save_file
from support.asserts import assert_same_answers
from support.pages import PAGES, blocks, links
from support.places import ROOT
from support.tiny import bert_tensors, write_tiny_recipe

import mtl_keras
from mtl_keras.cli.main import main
from mtl_keras.cli.parser import make_parser
from mtl_keras.export.saved_model import verification
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.recipes.schema import RecipeSchema

TUTORIAL = ROOT / "docs/tutorial.md"
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
ENCODER = "all-MiniLM-L6-v2"
# Pages whose Python one test runs, in this order; the README's and the tutorial's have their own.
RUN = (
    *("data", "python", "how-to/your-data", "how-to/go-on", "how-to/encoders"),
    *("how-to/scikit-learn", "how-to/serve"),
)
TEXTS = ["I was charged twice", "abc"]
TRANSLATED = re.compile(r"is told|goes? on with|gone on|what is no |meanwhile", re.IGNORECASE)


def _named(values):
    return [pytest.param(*value, id=f"{value[0].stem}-{n}") for n, value in enumerate(values)]


def test_the_readme_is_one_page():
    assert len((ROOT / "README.md").read_bytes()) <= 8192


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_link_leads_somewhere(page):
    assert not [link for link in links(page) if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_in_plain_words(page):
    assert not TRANSLATED.findall(page.read_text(encoding="utf-8"))


def test_the_commands_of_pages_are_those_of_the_parser():
    lines = [
        line for page in PAGES for text in blocks(page, "(?:ba)?sh") for line in text.split("\n")
    ]
    commands = [line for line in lines if line.startswith("mtl-keras ")]
    assert len(commands) > 10
    for line in commands:
        make_parser().parse_args(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize(
    ("page", "text"),
    _named(
        (page, text)
        for page in PAGES
        for text in blocks(page, "yaml")
        if text.startswith("encoder:")
    ),
)
def test_a_whole_recipe_of_a_page_is_read(page, text, tmp_path):
    (tmp_path / "recipe.yaml").write_text(text)
    load_recipe(tmp_path / "recipe.yaml")


@pytest.mark.parametrize(
    ("page", "text"), _named((page, text) for page in PAGES for text in blocks(page, "python"))
)
def test_python_of_a_page_names_what_is_public(page, text):
    names = {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "mtl"
    }
    assert names <= {*mtl_keras.__all__, "Columns", "serving"}


def test_every_page_with_python_is_run():
    pages = {page for page in PAGES if blocks(page, "python")}
    assert pages == {ROOT / "README.md", TUTORIAL, *(ROOT / "docs" / f"{page}.md" for page in RUN)}


@pytest.mark.slow
def test_python_of_the_other_pages_runs(trained, tiny_bert, tmp_path, monkeypatch):
    pytest.importorskip("grpc", reason="needs pip install mtl_keras[serving]")
    from support.serving_stub import ServingStub

    encoder = _longer_bert(tiny_bert, tmp_path / "bert")
    write_tiny_recipe(tmp_path, encoder)
    shutil.copytree(trained, tmp_path / "runs" / "tickets-1")
    shutil.copy(trained / "model.keras", tmp_path / "tickets.keras")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verification, "TOLERANCE", 1e-3)  # as in the tutorial below
    small = {ENCODER: str(encoder), "max_length=64": "max_length=16"}
    names: dict = {"mtl": mtl_keras, **_example_data()}
    for page in RUN[:2]:
        _run_python(page, names, small)
    assert_same_answers(names["served"](TEXTS), names["model"].predict(TEXTS))
    for page in RUN[2:-1]:
        _run_python(page, names, small)
    assert (tmp_path / "encoders/tickets/config.json").is_file()
    assert "block_3" in mtl_keras.load_model("own.keras").layer_groups
    assert names["classifier"].predict(names["texts"]).shape == (4,)
    with ServingStub("tickets", {1: tmp_path / "saved_models/tickets/1"}) as stub:
        _run_python(RUN[-1], names, {"http://localhost:8501": stub.rest})


def _longer_bert(tiny_bert: Path, folder: Path) -> Path:
    """Writes a tiny BERT with the positions and blocks that the pages' Python needs."""
    shutil.copytree(tiny_bert, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"max_position_embeddings": 128, "num_hidden_layers": 3}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(bert_tensors(config), folder / "model.safetensors")
    return folder


def _example_data() -> dict:
    """The data that pages take as given: frames, texts and labels."""
    pd = pytest.importorskip("pandas", reason="needs pip install pandas")
    texts, labels = ["a good b", "bad c", "d good", "e bad bad"], ["x", "y", "x", "y"]
    frame = pd.DataFrame({"body": texts * 10, "topic": labels * 10})
    return {"df": frame, "df_test": frame[:8], "texts": texts, "labels": labels}


def _run_python(page: str, names: dict, changes: dict[str, str]) -> None:
    for text in blocks(ROOT / "docs" / f"{page}.md", "python"):
        for old, new in changes.items():
            text = text.replace(old, new)
        exec(compile(text, f"{page}.md", "exec"), names)


@pytest.mark.slow
def test_the_tutorial_runs_from_two_files_to_a_served_model(
    tiny_bert, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    # Random weights amplify rounding: the default encoder's answers are within 1e-5.
    monkeypatch.setattr(verification, "TOLERANCE", 1e-3)
    encoder = _longer_bert(tiny_bert, tmp_path / "bert")
    names: dict = {}
    for text in blocks(TUTORIAL, "(?:python|bash)"):
        if text.startswith("mtl-keras"):
            for line in text.splitlines():
                assert main(shlex.split(line)[1:]) == 0, line
        else:
            exec(compile(text.replace(ENCODER, str(encoder)), "tutorial.md", "exec"), names)
    assert names["answer"]["topic"]["label"] in names["subjects"]
    assert "billing" in capsys.readouterr().out


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_its_reference_is_whole(tmp_path):
    command = (sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q")
    subprocess.run([*command, ROOT / "docs", tmp_path], check=True, cwd=ROOT, timeout=300)
    reference = tmp_path / "reference"
    python = (reference / "python.html").read_text(encoding="utf-8")
    assert not {name for name in mtl_keras.__all__ if f'id="mtl_keras.{name}"' not in python}
    recipe = (reference / "recipe.html").read_text(encoding="utf-8")
    schema = RecipeSchema.model_json_schema()
    parts = [schema, *schema["$defs"].values()]
    keys = [key for part in parts for key in part["properties"]]
    assert not {key for key in keys if f">{key}<" not in recipe}
    assert not re.findall(r"<td>(?:<p></p>)?</td>\s*</tr>", recipe), "a key without a description"
    assert (tmp_path / "searchindex.js").is_file()


def test_the_walks_of_contributing_name_files_that_are_there():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:mtl_keras|tests|docs|benchmarks)/[\w/.-]+)`", page)
    assert len(paths) > 12
    assert not [path for path in paths if not (ROOT / path).exists()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem
)
def test_an_example_runs(path):
    subprocess.run([sys.executable, path], check=True, cwd=ROOT, timeout=300)
