"""The demo's page and its answers over HTTP. Needs the packages of the extra `demo`."""

import base64
import functools
import hashlib
import importlib.resources
import ipaddress
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import anyio
from markdown_it import MarkdownIt
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mtl_keras.data.answer_files import Answered, write_answers
from mtl_keras.data.text_files import TextRow, text_rows
from mtl_keras.display import in_html
from mtl_keras.encoders.chunks import chunks
from mtl_keras.encoders.texts import checked_texts
from mtl_keras.errors import InputError, listed, shown
from mtl_keras.serving.demo.occlusion import occlusion
from mtl_keras.serving.demo.sources import Source

MOST_BYTES = 2**20  # of a request's body
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
MOST_TABLE_BYTES = 8 * MOST_BYTES
TEXTS_AT_ONCE = 32
JSON, CSV = "application/json", "text/csv"
FORM = 'send JSON of the form {"text": "…"}'
WORDS_FORM = 'send JSON of the form {"text": "…", "task": "…"}'
TABLE_FORM = "send a CSV file whose first line names its columns"

Endpoint = Callable[[Request], Awaitable[Response]]


class Work(NamedTuple):
    """What an address does with a body.

    Args:
        do: the model, the body and the options of the address → the response.
        takes: the type of the body.
        form: of the body, for messages.
        most_bytes: of the body.
    """

    do: Callable[[Source, bytes, Mapping[str, str]], Response]
    takes: str
    form: str
    most_bytes: int


def make_application(source: Source, host: str) -> Starlette:
    """The web application: one page, and the answers that it requests.

    `GET /` returns the page, `GET /healthz` `{"status": "ok"}`. `POST /answers` takes JSON,
    `{"text": …}`, and returns `{"answer", "reading"}`: a row of `mtl_keras.answer`, and a
    `Reading`. `POST /words` takes `{"text": …, "task": …}` and returns `{"words"}`, an `Influence`
    for each. `POST /table` takes a CSV file, `text/csv`, and returns it with its answers;
    `?column=` names that of the texts. Errors are `{"error": …}` with a status of 400 or more.
    Requests from other sites' pages are refused.

    Args:
        source: the model that answers.
        host: the address that the server listens on. On loopback, requests must name loopback as
            their host, so that no other site can send them through somebody's browser.
    """
    limit = anyio.CapacityLimiter(os.cpu_count() or 1)  # the model has its own threads
    names = LOOPBACK_NAMES if ipaddress.ip_address(host).is_loopback else ("*",)
    return Starlette(
        routes=[
            Route("/", _page_endpoint(render_page(source))),
            Route("/healthz", _healthy),
            *(
                Route(path, _working(work, source, limit), methods=["POST"])
                for path, work in _works().items()
            ),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False),
            Middleware(OwnPages),
        ],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


class OwnPages:
    """Middleware that refuses requests from other sites' pages, whose `Origin` is another host."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        host = request.headers.get("host", "")
        own = {f"{scheme}://{host}".lower() for scheme in ("http", "https")}
        if all(origin.lower() in own for origin in request.headers.getlist("origin")):
            await self.app(scope, receive, send)
        else:
            refused = {"error": "this request comes from another site; open the demo's own page"}
            await JSONResponse(refused, 403)(scope, receive, send)


class Page(NamedTuple):
    """A page, and its content security policy: run its own script, ask its server, nothing else."""

    html: str
    policy: str


def render_page(source: Source) -> Page:
    """The page of a model. It contains all of its assets."""
    template = importlib.resources.files("mtl_keras.serving.demo").joinpath("page.html")
    html = template.read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_digest(html, 'script')}; "
        f"style-src {_digest(html, 'style')}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    facts = {
        "tasks": [task.to_json() for task in source.tasks],
        "examples": list(source.examples),
    }
    html = html.replace("<!--title-->", in_html(source.title))
    html = html.replace("<!--facts-->", json.dumps(facts).replace("<", "\\u003c"))
    return Page(html.replace("<!--card-->", _card_html(source.card)), policy)


def _digest(html: str, tag: str) -> str:
    _, _, rest = html.partition(f"<{tag}>")
    inside, _, _ = rest.partition(f"</{tag}>")
    return f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"


def _card_html(card: str) -> str:
    """Markdown as HTML, without the card's own HTML, pictures and styles."""
    renderer = MarkdownIt("js-default").disable("image")
    tokens = renderer.parse(card)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):  # the page has the h1
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
        if "style" in token.attrs:  # the policy forbids inline styles
            token.attrs = {"class": str(token.attrs["style"]).removeprefix("text-align:")}
    html = renderer.renderer.render(tokens, renderer.options, {})
    html = html.replace("<table>", '<div class="scroll"><table>')
    return html.replace("</table>", "</table></div>")


def _page_endpoint(page: Page) -> Endpoint:
    headers = {
        "Content-Security-Policy": page.policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }

    async def show(request: Request) -> Response:
        return HTMLResponse(page.html, headers=headers)

    return show


def _works() -> dict[str, Work]:
    """Address → what it does."""
    return {
        "/answers": Work(_answer, JSON, FORM, MOST_BYTES),
        "/words": Work(_words, JSON, WORDS_FORM, MOST_BYTES),
        "/table": Work(_table, CSV, TABLE_FORM, MOST_TABLE_BYTES),
    }


async def _healthy(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _working(work: Work, source: Source, limit: anyio.CapacityLimiter) -> Endpoint:
    """An endpoint that does a work in a thread, as many at once as the limit allows."""

    async def answer(request: Request) -> Response:
        _check_type(request, work.takes, work.form)
        body = await _body(request, work.most_bytes)
        do = functools.partial(work.do, source, body, dict(request.query_params))
        return await anyio.to_thread.run_sync(do, limiter=limit)

    return answer


def _answer(source: Source, body: bytes, options: Mapping[str, str]) -> Response:
    text = _fields(body, ("text",), FORM)["text"]
    (answer,) = source.answers([text])
    return JSONResponse({"answer": answer, "reading": source.reading(text)._asdict()})


def _words(source: Source, body: bytes, options: Mapping[str, str]) -> Response:
    fields = _fields(body, ("text", "task"), WORDS_FORM)
    forms = {task.name: task.form for task in source.tasks if task.form.strength}
    if fields["task"] not in forms:
        raise HTTPException(
            400,
            f"task {shown(fields['task'])} has no answer that depends on words; there are "
            f"{listed(forms)}",
        )
    words = occlusion(source.answers, fields["task"], forms[fields["task"]], fields["text"])
    return JSONResponse({"words": [word._asdict() for word in words]})


def _table(source: Source, body: bytes, options: Mapping[str, str]) -> Response:
    forms = {task.name: task.form for task in source.tasks}
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = (os.path.join(folder, name) for name in ("file.csv", "answers.csv"))
        Path(asked).write_bytes(body)
        try:
            write_answers(answered, _answered(source, asked, options.get("column")), forms)
        except InputError as error:
            raise HTTPException(400, str(error).replace(f"{folder}{os.sep}", "")) from None
        return Response(Path(answered).read_bytes(), media_type=CSV)


def _answered(source: Source, path: str, column: str | None) -> Iterator[Answered]:
    is_empty = True
    for chunk in chunks(text_rows(path, column), TEXTS_AT_ONCE, _length):
        is_empty = False
        yield from map(Answered, chunk, source.answers([row.text for row in chunk]))
    if is_empty:
        raise InputError(f"{path}: empty; give a text in each row")


def _length(row: TextRow) -> int:
    return len(row.text)


def _check_type(request: Request, expected: str, form: str) -> None:
    """Refuses other types. Any page's form can send some; JSON and CSV need a preflight."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != expected:
        raise HTTPException(415, f"expected the Content-Type {expected}; {form}")


async def _body(request: Request, most: int) -> bytes:
    """The request's body. A body that is too long is received and discarded before it is refused,
    since a browser does not read the answer while it sends.
    """
    body, size = bytearray(), 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= most:
                body += chunk
    except ClientDisconnect:
        raise HTTPException(400, "the connection was closed before the end of the body") from None
    if size > most:
        raise HTTPException(
            413, f"received {size:,} bytes, at most {most:,} are allowed; send less"
        )
    return bytes(body)


def _fields(body: bytes, names: Sequence[str], form: str) -> dict[str, str]:
    """The strings of a JSON object of this form."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, f"the body is not JSON; {form}") from None
    is_object = isinstance(value, dict) and {*value} == {*names}
    if not is_object or not all(isinstance(value[name], str) for name in names):
        raise HTTPException(400, f"the body has another form; {form}")
    try:
        checked_texts([*value.values()])
    except InputError as error:
        raise HTTPException(400, str(error)) from None
    return value


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _failed(request: Request, error: Exception) -> Response:
    message = f"the model failed ({type(error).__name__}); see the demo's terminal for details"
    return JSONResponse({"error": message}, 500)
