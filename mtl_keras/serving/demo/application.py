"""The demo's page and its answers over HTTP. Needs the packages of the extra `demo`."""

import base64
import hashlib
import importlib.resources
import ipaddress
import json
import os
from collections.abc import Awaitable, Callable
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

from mtl_keras.display import in_html
from mtl_keras.encoders.texts import checked_texts
from mtl_keras.errors import InputError
from mtl_keras.serving.demo.sources import Source

MOST_BYTES = 2**20  # of a request's body
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
FORM = 'send JSON of the form {"text": "…"}'

Endpoint = Callable[[Request], Awaitable[Response]]


def make_application(source: Source, host: str) -> Starlette:
    """The web application: one page, and the answers that it requests.

    `GET /` returns the page. `POST /answers` takes `{"text": …}`, `application/json`, and returns
    `{"answer", "reading"}`: a row of `mtl_keras.answer`, and a `Reading`. Errors are `{"error": …}`
    with a status of 400 or more. Requests from other sites' pages are refused.

    Args:
        source: the model that answers.
        host: the address that the server listens on. On loopback, requests must name loopback as
            their host, so that no other site can send them through somebody's browser.
    """
    names = LOOPBACK_NAMES if ipaddress.ip_address(host).is_loopback else ("*",)
    return Starlette(
        routes=[
            Route("/", _page_endpoint(render_page(source))),
            Route("/answers", _answers_endpoint(source), methods=["POST"]),
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
    tasks = json.dumps([task.to_json() for task in source.tasks])
    html = html.replace("<!--title-->", in_html(source.title))
    html = html.replace("<!--tasks-->", tasks.replace("<", "\\u003c"))
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


def _answers_endpoint(source: Source) -> Endpoint:
    workers = anyio.CapacityLimiter(os.cpu_count() or 1)  # the model has its own threads

    async def answer(request: Request) -> Response:
        _check_type(request)
        text = _text(await _body(request))
        return JSONResponse(await anyio.to_thread.run_sync(_answer, source, text, limiter=workers))

    return answer


def _answer(source: Source, text: str) -> dict:
    (answer,) = source.answers([text])
    return {"answer": answer, "reading": source.reading(text)._asdict()}


def _check_type(request: Request) -> None:
    """Refuses other types than JSON. Any page's form can send those; JSON needs a preflight."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(415, f"expected the Content-Type application/json; {FORM}")


async def _body(request: Request) -> bytes:
    """The request's body. A body that is too long is received and discarded before it is refused,
    since a browser does not read the answer while it sends.
    """
    body, size = bytearray(), 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= MOST_BYTES:
                body += chunk
    except ClientDisconnect:
        raise HTTPException(400, "the connection was closed before the end of the body") from None
    if size > MOST_BYTES:
        raise HTTPException(
            413, f"received {size:,} bytes, at most {MOST_BYTES:,} are allowed; send a shorter text"
        )
    return bytes(body)


def _text(body: bytes) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, f"the body is not JSON; {FORM}") from None
    if not isinstance(value, dict) or [*value] != ["text"] or not isinstance(value["text"], str):
        raise HTTPException(400, f"the body has another form; {FORM}")
    try:
        (text,) = checked_texts([value["text"]])
    except InputError as error:
        raise HTTPException(400, str(error)) from None
    return text


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _failed(request: Request, error: Exception) -> Response:
    message = f"the model failed ({type(error).__name__}); see the demo's terminal for details"
    return JSONResponse({"error": message}, 500)
