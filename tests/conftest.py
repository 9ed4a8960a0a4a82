"""What the tests share."""

import contextlib
import functools
import io
import json
import os
from pathlib import Path

import hypothesis
import pytest
from support.places import SHARED
from support.tiny import SPECIAL, VOCABULARY, bert_tensors, write_tiny_recipe

# What XLA compiles is small here: half of the time of compiling goes into making it fast.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

# The same examples on every machine, however slow.
hypothesis.settings.register_profile("tests", deadline=None, database=None, derandomize=True)
hypothesis.settings.load_profile("tests")

collect_ignore = ["support", "files_of_0_1_0"]
SLOW_FIXTURES = {"trained", "published", "every_kind_export", "shared"}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the folder ../shared: {SHARED} is absent")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def nothing_is_remembered():
    """Files are read each time, and the user's cache folder is left alone."""
    from mtl_keras.storage import file_cache

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_cache, "SMALLEST", 1 << 62)
        yield


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> Path:
    """A BERT of random weights in Hugging Face's format: 2 blocks, width 8, pooler."""
    from safetensors.numpy import save_file

    folder = tmp_path_factory.mktemp("tiny_bert")
    config = {
        "model_type": "bert",
        "vocab_size": len(VOCABULARY),
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 32,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    save_file(bert_tensors(config), folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def letters():
    """Every lower-case word is its letters; a few signs."""
    from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer

    pieces = [*"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz")]
    return WordpieceTokenizer(
        [*SPECIAL, *pieces, *".,!?'\"()-@#_…我"], lowercase=True, max_length=64
    )


@pytest.fixture(scope="session")
def tiny_encoder(tiny_bert):
    """Makes equal tiny encoders: `tiny_encoder(dropout=0.1, dtype=None)`."""
    import mtl_keras as mtl

    @functools.cache
    def load(dtype: str | None) -> mtl.TextEncoder:
        return mtl.TextEncoder.from_pretrained(str(tiny_bert), max_length=16, dtype=dtype)

    def make(dropout: float = 0.1, dtype: str | None = None):
        import keras

        loaded = load(dtype)
        keras.utils.set_random_seed(0)
        config = loaded.get_config()
        config["config"]["config"] |= {"dropout": dropout}
        encoder = mtl.TextEncoder.from_config(config)
        encoder.transformer.set_weights(loaded.transformer.get_weights())
        return encoder

    return make


@pytest.fixture(scope="session")
def tiny_model(tiny_encoder):
    """Makes equal untrained models of a topic and a tagging task over tiny encoders."""
    import mtl_keras as mtl

    def make(dropout: float = 0.1, dtype: str | None = None):
        tasks = [
            mtl.Task("topic", labels=["x", "y", "z"]),
            mtl.Task("entities", kind="tagging", labels=["city", "product"]),
        ]
        return mtl.MultiTaskModel(tiny_encoder(dropout, dtype), tasks, head_dropout=dropout)

    return make


@pytest.fixture
def tiny_recipe(tiny_bert, tmp_path) -> Path:
    """A recipe of two tasks over small files of its own, that a test may change."""
    return write_tiny_recipe(tmp_path, tiny_bert)


@pytest.fixture(scope="session")
def trained(tiny_bert, tmp_path_factory) -> Path:
    """The folder of a finished run of such a recipe, for reading only.

    Its files are beside it, and `said.txt`, what the command printed.
    """
    from mtl_keras.cli.main import main

    folder = tmp_path_factory.mktemp("trained")
    recipe = write_tiny_recipe(folder, tiny_bert)
    with contextlib.redirect_stdout(io.StringIO()) as message:
        assert main(["train", str(recipe), "--output", str(folder / "run"), "--quiet"]) == 0
    (folder / "said.txt").write_text(message.getvalue())
    return folder / "run"


@pytest.fixture(scope="session")
def every_kind_export(tiny_bert, tmp_path_factory):
    """A model with a task of each kind and its export, not to be changed."""
    from support.every_kind import make_model

    from mtl_keras.export.saved_model.signatures import export_saved_model

    model = make_model(tiny_bert)
    return model, export_saved_model(model, tmp_path_factory.mktemp("every_kind") / "1")


@pytest.fixture(scope="session")
def published(trained, tmp_path_factory) -> Path:
    """The first version of that run's export, for reading only; its server's files are beside."""
    from mtl_keras.export.publication import publish
    from mtl_keras.runs.run import Run

    folder = tmp_path_factory.mktemp("saved_models") / "letters"
    return publish(Run.open(trained), folder, report=lambda line: None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks what needs a trained run, an export or public data as slow, and begins the longest.

    So no process ends long after the other.
    """
    for item in items:
        if SLOW_FIXTURES & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.slow)
    items.sort(
        key=lambda item: (item.path.stem != "test_notebooks", "training" not in item.path.parts)
    )


def pytest_sessionfinish(session, exitstatus):
    """In CI, nothing may be skipped while the shared folder is there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and SHARED.is_dir() and skipped and exitstatus == 0:
        session.exitstatus = 1
        reporter.write_line(f"{len(skipped)} skipped although {SHARED} is there: CI fails")
