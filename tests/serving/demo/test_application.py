"""The demo answers as the model does, whoever asks, and says what is wrong."""

import concurrent.futures
import csv
import http.client
import io
import json
import re
import socket
import time

import pytest
from support.asserts import assert_same_answers
from support.demo_server import answered, ask, running, stand_in, stand_in_answer
from support.every_kind import TEXTS

import mtl_keras as mtl
from mtl_keras.data.task import Task
from mtl_keras.errors import WorkError
from mtl_keras.runs.run import Run
from mtl_keras.serving.demo.application import FORM, MOST_BYTES, render_page
from mtl_keras.serving.demo.sources import ServedTask, find_source


@pytest.fixture(scope="module")
def port():
    with running(stand_in()) as port:
        yield port


@pytest.fixture(scope="module", params=["run", "export"])
def model_and_port(request, trained, every_kind_export):
    """A real model, and a demo of its run or export."""
    if request.param == "run":
        model, folder = Run.open(trained).model(), trained
    else:
        model, folder = every_kind_export
    with running(find_source(folder)()) as port:
        yield model, port


@pytest.mark.slow
def test_the_answers_are_the_models(model_and_port):
    model, port = model_and_port
    for text, expected in zip(TEXTS, mtl.answer(model, TEXTS), strict=True):
        assert_same_answers(answered(port, text)["answer"], expected)


@pytest.mark.slow
def test_sixteen_at_once_are_all_answered_right(model_and_port):
    model, port = model_and_port
    expected = mtl.answer(model, TEXTS)
    until = time.monotonic() + 1

    def client(number: int) -> int:
        asked = 0
        while time.monotonic() < until or not asked:
            row = (number + asked) % len(TEXTS)
            assert_same_answers(answered(port, TEXTS[row])["answer"], expected[row])
            asked += 1
        return asked

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(client, range(16))) >= 16


def test_the_answer_tells_what_was_read(port):
    text = "word " * 50
    assert answered(port, text) == {
        "answer": stand_in_answer(text),
        "reading": {"pieces": 42, "end": 200, "whole": False},
    }


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, f"the body is not JSON; {FORM}"),
        (b'{"text": "a"', 400, f"the body is not JSON; {FORM}"),
        (b'{"text": "\xff"}', 400, f"the body is not JSON; {FORM}"),
        (b"[" * 100_000, 400, f"the body is not JSON; {FORM}"),
        (b"9" * 100_000, 400, f"the body is not JSON; {FORM}"),
        (b'["a"]', 400, f"the body has another form; {FORM}"),
        (b'{"text": 1}', 400, f"the body has another form; {FORM}"),
        (b'{"texts": ["a"]}', 400, f"the body has another form; {FORM}"),
        (b'{"text": "a", "best": "topic"}', 400, f"the body has another form; {FORM}"),
        (
            b'{"text": "\\ud83d"}',
            400,
            "texts[0]: '\\ud83d' has half a surrogate pair, which is not a character; "
            "read the text as UTF-8",
        ),
        (
            b'{"text": "' + b"a" * MOST_BYTES + b'"}',
            413,
            "received 1,048,588 bytes, at most 1,048,576 are allowed; send less",
        ),
    ],
)
def test_a_wrong_body_is_refused_in_a_line(port, body, status, message):
    actual, headers, text = ask(port, body)
    assert (actual, json.loads(text)) == (status, {"error": message})
    assert headers["content-type"] == "application/json"
    assert "\n" not in text


def test_a_body_of_unknown_length_is_refused_too(port):
    chunks = (b"a" * 2**16 for _ in range(100))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/answers", chunks, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_the_longest_body_is_answered(port):
    text = "a" * (MOST_BYTES - len('{"text": ""}'))
    assert answered(port, text)["answer"]["text"] == text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/answers", 405), ("POST", "/", 405), ("GET", "/favicon.ico", 404)],
)
def test_other_addresses_and_methods_are_refused(port, method, path, status):
    actual, _, message = ask(port, "", method, path)
    assert actual == status
    assert json.loads(message).keys() == {"error"}


def test_another_site_cannot_ask_through_a_browser(port):
    assert ask(port, '{"text": "a"}', Host="evil.example:8000")[0] == 400
    assert ask(port, '{"text": "a"}', Host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://localhost", "http://localhost:1", "file://"],
)
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
def test_the_page_of_another_site_is_refused(port, origin, method):
    path = "/answers" if method == "POST" else "/"
    status, _, message = ask(port, '{"text": "a"}', method, path, Origin=origin)
    expected = "this request comes from another site; open the demo's own page"
    assert (status, json.loads(message)) == (403, {"error": expected})


def test_its_own_page_is_answered(port):
    for name in ("localhost", "127.0.0.1"):
        host = f"{name}:{port}"
        body = '{"text": "a"}'
        assert ask(port, body, Host=host, Origin=f"http://{host}")[0] == 200
    assert ask(port, body, Host=f"localhost:{port}", Origin=f"http://127.0.0.1:{port}")[0] == 403


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data", "text/json"],
)
def test_what_a_form_could_send_is_refused(port, media_type):
    status, _, message = ask(port, '{"text": "a"}', Content_Type=media_type)
    expected = f"expected the Content-Type application/json; {FORM}"
    assert (status, json.loads(message)) == (415, {"error": expected})


def test_json_may_name_its_characters(port):
    media_type = "Application/JSON; charset=utf-8"
    assert ask(port, '{"text": "a"}', Content_Type=media_type)[0] == 200


def test_it_says_that_it_is_well(port):
    status, _, body = ask(port, "", "GET", "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})


def test_words_are_asked_of_tasks_whose_answers_have_a_strength(port):
    status, _, body = ask(port, '{"text": "a bb", "task": "stars"}', path="/words")
    assert status == 200
    words = json.loads(body)["words"]
    assert [(word["start"], word["end"]) for word in words] == [(0, 1), (2, 4)]
    assert [word["change"] for word in words] == pytest.approx([1 / 3, 2 / 3])
    for body, message in (
        ('{"text": "a", "task": "entities"}', "task 'entities' has no answer that depends on"),
        ('{"text": "a"}', "the body has another form; send JSON of the form"),
    ):
        status, _, answer = ask(port, body, path="/words")
        assert status == 400
        assert message in json.loads(answer)["error"]


def test_a_table_comes_back_with_its_answers(port):
    csv_type = {"Content_Type": "text/csv; charset=utf-8"}
    asked = "id,body\n7,Leeds\n8,a\n"
    status, headers, body = ask(port, asked, path="/table?column=body", **csv_type)
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [(row["id"], row["body"]) for row in rows] == [("7", "Leeds"), ("8", "a")]
    assert float(rows[0]["stars/value"]) == stand_in_answer("Leeds")["stars"]["value"]
    for asked, path, message in (
        ("id,body\n7,x\n", "/table", "file.csv:2: no column 'text'; there are 'id', 'body'"),
        ("text\n", "/table", "file.csv: empty; give a text in each row"),
        ('text,id\n"a', "/table", "file.csv:2: a quote opens in this row and is never closed"),
    ):
        status, _, answer = ask(port, asked, path=path, **csv_type)
        assert (status, json.loads(answer)["error"].startswith(message)) == (400, True)
    assert ask(port, asked, path="/table")[0] == 415


def test_a_model_that_fails_is_reported_and_asked_again():
    def fails(text):
        if text == "fail":
            raise WorkError("no memory")
        return stand_in_answer(text)

    with running(stand_in(fails)) as port:
        status, _, message = ask(port, '{"text": "fail"}')
        assert status == 500
        assert json.loads(message)["error"].startswith("the model failed (WorkError); see the demo")
        assert answered(port, "a")["answer"]["text"] == "a"


def test_who_hangs_up_does_no_harm(port, capfd):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"POST /answers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9\r\n\r\na"
        )
    assert answered(port, "a")["answer"]["text"] == "a"
    assert "Traceback" not in capfd.readouterr().err


def test_the_page_asks_nobody_else_and_keeps_nothing(port):
    status, headers, html = ask(port, "", "GET", "/")
    assert status == 200
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "set-cookie" not in headers
    assert not re.search(r"""(src|href)=["'](?!data:|https://example)""", html)
    assert " style=" not in html, "the policy would refuse it"


def test_the_page_shows_names_and_card_as_text():
    odd = "</script><script>alert(1)</script>&<!--card-->"
    task = ServedTask.of(Task("topic", labels=[odd, "b"]))
    source = stand_in(title=odd, tasks=[task], examples=[odd])
    html = render_page(source).html
    assert html.count("<script") == 2
    assert html.count("onclick=") == html.count("&lt;b onclick=") == 1
    assert "<img" not in html
    assert '<th class="right">accuracy</th>' in html
    facts = json.loads(re.search('id="facts">(.*?)</script>', html)[1])
    assert facts["tasks"][0]["labels"] == [odd, "b"]
    assert facts["examples"] == [odd]
