"""What a server answers is what the model answers, over REST and gRPC."""

import contextlib
import functools
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from support import every_kind
from support.asserts import assert_same_answers
from support.serving_stub import ServingStub, StubError
from tensorflow.python.tools import saved_model_cli

import mtl_keras as mtl
from mtl_keras.errors import InputError, WorkError
from mtl_keras.export.saved_model.served_answers import read_answers
from mtl_keras.export.saved_model.serving_files import write_serving_config
from mtl_keras.export.saved_model.signatures import export_saved_model
from mtl_keras.export.saved_model.warmup import write_warmup
from mtl_keras.models.prediction import answer
from mtl_keras.serving.client import Client

TEXTS = [
    *every_kind.TEXTS,
    "🙂🙂 a b c d e f g",
    "שלום abc مرحبا d",
    '"quoted" \\ \t\n{"b64": "YQ=="}',
    "g f e d c b a " * 5000,
]
MODEL = "tickets"
SERVERS = ["stub", *(["real"] if shutil.which("tensorflow_model_server") else [])]


@pytest.fixture(scope="module")
def model(every_kind_export):
    return every_kind_export[0]


@pytest.fixture(scope="module")
def make_single(tiny_bert, tmp_path_factory):
    """A model of one task and its export, made once for each task."""

    @functools.cache
    def make(task: mtl.Task):
        encoder = mtl.TextEncoder.from_pretrained(str(tiny_bert), max_length=16)
        model = mtl.MultiTaskModel(encoder, [task])
        return model, export_saved_model(model, tmp_path_factory.mktemp("single") / "2")

    return make


@pytest.fixture(scope="module")
def folder(every_kind_export, tmp_path_factory):
    """Version 1 with all that belongs to it."""
    folder = tmp_path_factory.mktemp("saved") / MODEL
    shutil.copytree(every_kind_export[1], folder / "1")
    write_warmup(folder / "1", TEXTS, model_name=MODEL)
    write_serving_config(folder, MODEL)
    return folder


@pytest.fixture(scope="module", params=SERVERS)
def server(request, folder):
    """A server of this folder: the stand-in, and the real one where it is installed."""
    if request.param == "stub":
        with ServingStub(MODEL, {1: folder / "1"}) as stub:
            yield stub
    else:
        with real_server(folder) as real:
            yield real


@pytest.fixture
def stub(folder):
    with ServingStub(MODEL, {1: folder / "1"}) as stub:
        yield stub


@pytest.fixture(params=["rest", "grpc"])
def protocol(request):
    return request.param


@pytest.fixture
def client(server, protocol):
    with Client(getattr(server, protocol), model=MODEL) as client:
        yield client


@pytest.mark.slow
def test_every_answer_is_the_models(model, client):
    expected = answer(model, TEXTS)
    assert_same_answers(client.predict(TEXTS), expected)
    assert_same_answers(client.predict(TEXTS, batch_size=3), expected)
    assert sum(len(one["entities"]) for one in expected) > 2, "nothing would be shown"
    assert any(one["entities"] for one in expected if "🙂" in one["text"])


@pytest.mark.slow
def test_a_tasks_own_signature_answers_that_task(model, client):
    for task in model.tasks:
        expected = [{"text": one["text"], task: one[task]} for one in answer(model, TEXTS)]
        assert_same_answers(client.predict(TEXTS, signature=task), expected)


@pytest.mark.slow
def test_embeddings_labels_and_status(model, client):
    expected = model.encoder.encode(TEXTS)["sentence_embedding"]
    actual = client.embed(TEXTS, batch_size=4)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert client.labels() == {n: list(t.labels) for n, t in model.tasks.items() if t.labels}
    assert client.status() == {1: "AVAILABLE"}


def test_no_texts_have_no_answers(client):
    assert client.predict([]) == []
    assert client.embed([]).shape == (0, 8)


@pytest.mark.slow
def test_saved_model_cli_agrees(model, client, folder, tmp_path):
    """TensorFlow's own command runs the same signature: something that we did not write."""
    texts = [text for text in TEXTS if ";" not in text and len(text) < 1000]
    for task in model.tasks:
        (tmp_path / task).mkdir()
    inputs = saved_model_cli.load_inputs_from_input_arg_string("", f"text={texts!r}", "")
    saved_model_cli.run_saved_model_with_feed_dict(
        str(folder / "1"), "serve", "serving_default", inputs, str(tmp_path), True
    )
    actual = {
        f"{path.parent.name}/{path.stem}": np.load(path, allow_pickle=True)
        for path in tmp_path.glob("*/*.npy")
    } | {"read": np.load(tmp_path / "read.npy")}
    labels = {task.name: task.labels for task in every_kind.TASKS}
    assert_same_answers(client.predict(texts), read_answers(actual, texts, labels))


TOPIC = mtl.Task("only", labels=["a", "b"])
STARS = mtl.Task("only", kind="regression")


@pytest.mark.slow
@pytest.mark.parametrize("task", [TOPIC, STARS], ids=["with labels", "without"])
def test_a_model_of_one_task(make_single, protocol, task):
    """The server leaves out the name of an only output; without labels there is no `labels`."""
    model, path = make_single(task)
    with (
        ServingStub("one", {2: path}) as stub,
        Client(getattr(stub, protocol), model="one", version=2) as client,
    ):
        assert_same_answers(client.predict(TEXTS), answer(model, TEXTS))
        assert client.labels() == ({"only": ["a", "b"]} if task.labels else {})


@pytest.mark.slow
def test_a_client_stays_with_a_version_until_it_is_gone(make_single, folder, model, protocol):
    turned = mtl.Task("topic", labels=[*reversed(model.tasks["topic"].labels)])
    second, path = make_single(turned)
    texts = TEXTS[:2]
    with (
        ServingStub(MODEL, {1: folder / "1", 2: path}) as stub,
        Client(getattr(stub, protocol), model=MODEL) as client,
        Client(getattr(stub, protocol), model=MODEL, version=1) as pinned,
    ):
        stub.states[2] = ("LOADING", "")
        assert_same_answers(client.predict(texts), answer(model, texts))
        stub.states[2] = ("AVAILABLE", "")
        assert_same_answers(client.predict(texts), answer(model, texts))
        stub.states[1] = ("END", "")
        assert_same_answers(client.predict(texts), answer(second, texts))
        assert client.labels() == {"topic": list(turned.labels)}
        with pytest.raises(InputError, match=r"version 2 is AVAILABLE, version 1 is END; choose"):
            pinned.predict(["a"])


def test_a_wrong_signature_is_reported_with_those_that_exist(client):
    message = (
        r"the server refuses: .*topik.* not found.*; its signatures, each of which takes a list of "
        r"strings as 'text', are 'embed', 'entities', 'flags', 'labels', 'parts', 'reading', "
        r"'serving_default', 'stars', 'topic'"
    )
    with pytest.raises(InputError, match=message):
        client.predict(["a"], signature="topik")
    with pytest.raises(InputError, match="'embed' gives no answers; predict with"):
        client.predict(["a"], signature="embed")


def test_more_texts_than_a_batch_of_the_server(client):
    with pytest.raises(InputError, match="larger than maximum input batch size 32"):
        client.predict(["a"] * 33, batch_size=64)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", r"must be a list of strings: \[text\]\. Received: 'one text'"),
        (["a", 7], r"texts\[1\] must be a string\. Received: 7"),
        (["a", b"b"], r"texts\[1\] must be a string\. Received: b'b'"),
        (["\ud83d"], r"texts\[0\]: '\\ud83d' has half a surrogate pair"),
    ],
)
def test_texts_that_are_no_strings(client, texts, message):
    for ask in (client.predict, client.embed):
        with pytest.raises(InputError, match=message):
            ask(texts)


def test_a_batch_of_no_texts(client):
    with pytest.raises(InputError, match=r"batch_size must be at least 1\. Received: 0"):
        client.predict(["a"], batch_size=0)


def test_an_unknown_model(server, protocol):
    with Client(getattr(server, protocol), model="tickes") as client:
        for ask in (client.status, client.labels, lambda: client.predict(["a"])):
            with pytest.raises(InputError, match="versions of model tickes; 'tickes' is not among"):
                ask()


def test_a_version_that_is_not_there(server, protocol):
    with (
        Client(getattr(server, protocol), model=MODEL, version=7) as client,
        pytest.raises(InputError, match="of 'tickets', version 1 is AVAILABLE; choose that"),
    ):
        client.predict(["a"])


@pytest.mark.slow
def test_a_model_that_is_loading_or_failed(stub, protocol):
    with Client(getattr(stub, protocol), model=MODEL) as client:
        stub.states[1] = ("LOADING", "")
        with pytest.raises(WorkError, match="version 1 is LOADING; the model is still loading; as"):
            client.predict(["a"])
        stub.states[1] = ("END", "no such op")
        assert client.status() == {1: "END: no such op"}
        with pytest.raises(WorkError, match="1 is END: no such op; the model is not available"):
            client.predict(["a"])


@pytest.mark.slow
def test_a_server_that_is_slow(stub, protocol):
    with Client(getattr(stub, protocol), model=MODEL) as client:
        client.labels()
        stub.delay = 1
        with pytest.raises(WorkError, match=r"no answer within 0\.1 s; .* allow a longer timeout"):
            client.predict(["a"], timeout=0.1)


@pytest.mark.slow
def test_a_server_that_fails(stub, protocol, monkeypatch):
    def full(self, request):
        raise StubError("UNAVAILABLE", "The batch scheduling queue is full")

    with Client(getattr(stub, protocol), model=MODEL) as client:
        client.labels()
        monkeypatch.setattr(ServingStub, "_check_batch", full)
        with pytest.raises(WorkError, match="queue is full; ask again, or see the server's log"):
            client.predict(["a"])


def test_no_server(protocol):
    port = free_port()
    address = f"{'http' if protocol == 'rest' else 'grpc'}://127.0.0.1:{port}"
    with (
        Client(address, model=MODEL) as client,
        pytest.raises(WorkError, match=rf"{address}: .*[Cc]onnection refused.*; ") as raised,
    ):
        client.predict(["a"])
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_rest_at_the_port_of_grpc(stub):
    with pytest.raises(WorkError, match="no TensorFlow Serving answers REST here"):
        Client(stub.grpc.replace("grpc", "http"), model=MODEL).labels()


@pytest.mark.parametrize(
    ("address", "hint"),
    [("localhost:8501", ""), ("grcp://h:1", "; did you mean 'grpc'"), ("http://", ""), ("", "")],
)
def test_an_address_of_another_form(address, hint):
    with pytest.raises(InputError, match=r"expected http://host:8501 for REST .*gRPC" + hint):
        Client(address, model=MODEL)


def test_a_name_that_is_no_models():
    with pytest.raises(InputError, match="model 'a/b': expected the name of a model"):
        Client("http://localhost:8501", model="a/b")


def test_the_api_is_what_curl_sees(server):
    """The JSON of the documentation, sent by hand."""
    body = {"signature_name": "topic", "inputs": {"text": ["abc", "🙂"]}}
    request = urllib.request.Request(
        f"{server.rest}/v1/models/{MODEL}:predict", data=json.dumps(body).encode()
    )
    with urllib.request.urlopen(request) as response:
        actual = json.load(response)
    assert actual["outputs"].keys() == {"topic/label", "topic/score", "topic/scores"}
    assert np.shape(actual["outputs"]["topic/scores"]) == (2, 3)


class _Addresses:
    def __init__(self, rest: int, grpc: int):
        self.rest, self.grpc = f"http://127.0.0.1:{rest}", f"grpc://127.0.0.1:{grpc}"


@contextlib.contextmanager
def real_server(folder):
    """`tensorflow_model_server` over the folder, with the files that we wrote for it."""
    rest, grpc = free_port(), free_port()
    command = ["tensorflow_model_server", f"--rest_api_port={rest}", f"--port={grpc}"]
    command += [f"--model_name={MODEL}", f"--model_base_path={folder}", "--enable_batching=true"]
    command += [f"--batching_parameters_file={folder / 'batching.config'}"]
    command += [f"--monitoring_config_file={folder / 'monitoring.config'}"]
    addresses = _Addresses(rest, grpc)
    with subprocess.Popen(command) as process:
        try:
            await_ready(Client(addresses.rest, model=MODEL), process)
            yield addresses
        finally:
            process.terminate()


def await_ready(client: Client, process: subprocess.Popen) -> None:
    for _ in range(120):
        with contextlib.suppress(WorkError, InputError):
            if "AVAILABLE" in client.status().values():
                return
        assert process.poll() is None, "the server ended"
        time.sleep(0.5)
    raise AssertionError(f"not ready after a minute: {client.status()}")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


WITHOUT_OTHERS = """
import importlib.metadata, sys

packages = importlib.metadata.packages_distributions()

class Refused:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in packages and top not in ("numpy", "lazy_loader", "mtl_keras"):
            raise ImportError(name)

sys.meta_path.insert(0, Refused())
from mtl_keras.serving import Client

Client("http://localhost:8501", model="tickets")
"""


def test_over_rest_it_needs_numpy_and_lazy_loader_alone():
    done = subprocess.run([sys.executable, "-c", WITHOUT_OTHERS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
