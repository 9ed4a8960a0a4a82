"""The page in a browser: type, read the answers, on a phone, by keyboard, whatever the text holds.

Waits are Playwright's assertions, which ask again by the clock. `wait_for_function` would ask again
with each frame that is drawn, and a busy machine may draw none for longer than a test waits.
"""

import json
import re
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from support.browser import CONTRASTS, chromium, needs_chromium
from support.demo_server import TRY, running, stand_in, stand_in_answer
from support.hostile import LABELS, hidden

from mtl_keras.data.task import Task
from mtl_keras.serving.demo import application
from mtl_keras.serving.demo.sources import ServedTask

pytestmark = needs_chromium
PATIENCE = 60_000  # milliseconds
WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 360, "height": 800}
HEIGHT, WIDTH = (f"document.documentElement.scroll{side}" for side in ("Height", "Width"))
TEXT = "Zoë 🙂 took the Leeds Nimbus to Leeds."


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    yield from chromium()


@pytest.fixture(scope="module")
def port():
    with running(stand_in()) as port:
        yield port


@pytest.fixture
def opened(browser):
    """Opens a page; whatever it asks of others, or says to the console, fails the test."""
    contexts, faults = [], []

    def open_page(port: int, viewport=WIDE, **options):
        contexts.append(browser.new_context(viewport=viewport, **options))
        page, home = contexts[-1].new_page(), f"http://127.0.0.1:{port}/"
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: _note(faults, message.text))
        page.on("request", lambda request: _note(faults, request.url, home))
        page.goto(home)
        return page

    yield open_page
    cookies = [cookie for context in contexts for cookie in context.cookies()]
    for context in contexts:
        context.close()
    assert (faults, cookies) == ([], [])


def _note(faults: list[str], message: str, allowed: str = "Failed to load resource") -> None:
    if not message.startswith((allowed, "data:")):
        faults.append(message)


def rows(page, task: str, *columns: str) -> list[tuple[str, ...]]:
    """What the list of a task says, row by row."""
    items = page.locator(f"article[aria-labelledby=task-{task}] li").all()
    return [tuple(item.locator(f".{column}").inner_text() for column in columns) for item in items]


def expect_text(page, selector: str, text: str | re.Pattern) -> None:
    """Waits until an element holds this text."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(text)


def expect_focused(page) -> None:
    """Waits until the field has the focus, which a browser gives it with a frame."""
    from playwright.sync_api import expect

    expect(page.locator("#text")).to_be_focused()


def expect_answered(page, text: str) -> None:
    """Waits until the field holds this text, and the page its answer."""
    from playwright.sync_api import expect

    expect(page.locator("#text")).to_have_value(text)
    expect_text(page, ".value", value_of(text))


def value_of(text: str) -> str:
    """The number that answers a text, as the page writes it."""
    return f"{stand_in_answer(text)['stars']['value']:.4g}"


def record_shown(page) -> None:
    """Keeps in `shown` whatever number the page shows from now on."""
    page.evaluate(
        """() => {
          window.shown = [];
          const value = document.querySelector(".value");
          new MutationObserver(() => window.shown.push(value.textContent))
            .observe(value, { childList: true });
        }"""
    )


def let_typing_rest(page) -> None:
    """Waits until the page has asked what it wants to ask: its own timers fire in order."""
    page.evaluate("new Promise((done) => setTimeout(done, 400))")


class Held:
    """Answers, but holds the text `slow` back until it is let go."""

    def __init__(self):
        self.asked: list[str] = []
        self.came, self.let_go = threading.Event(), threading.Event()
        self.at_once = self.most_at_once = 0

    def __call__(self, text: str) -> dict:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.asked.append(text)
        if text == "slow":
            self.came.set()
            assert self.let_go.wait(PATIENCE / 1000)
        self.at_once -= 1
        return stand_in_answer(text)


@pytest.mark.slow
def test_what_is_typed_is_answered(opened, port):
    page = opened(port)
    expect_focused(page)
    page.keyboard.type(TEXT)
    expect_answered(page, TEXT)
    expected = stand_in_answer(TEXT)
    scores = sorted(expected["topic"]["scores"].items(), key=lambda item: -item[1])
    assert rows(page, "topic", "name", "number") == [(k, f"{v:.2f}") for k, v in scores]
    assert rows(page, "flags", "name", "number") == [("✓legal", "0.75"), ("urgent", "0.25")]
    bars = page.locator("article[aria-labelledby=task-topic] .bar").all()
    tracks = page.locator("article[aria-labelledby=task-topic] .track").all()
    for bar, track, (_, score) in zip(bars, tracks, scores, strict=True):
        share = bar.bounding_box()["width"] / track.bounding_box()["width"]
        assert share == pytest.approx(score, abs=0.01)
    assert rows(page, "entities", "name", "what") == [
        (entity["text"], entity["label"]) for entity in expected["entities"]
    ]
    assert page.locator("#note").inner_text().startswith("The whole text was read, 10 word pieces.")


@pytest.mark.slow
def test_entities_are_marked_where_they_are_even_where_they_overlap(opened, port):
    page = opened(port)
    page.fill("#text", TEXT)
    expect_answered(page, TEXT)
    marks = [
        (mark.inner_text(), mark.get_attribute("class")) for mark in page.locator("mark").all()
    ]
    assert marks == [("Leedsplace", "over"), (" Nimbusproduct", None), ("Leedsplace", None)]
    shown = page.evaluate(
        """() => {
          const copy = document.querySelector(".marked").cloneNode(true);
          copy.querySelectorAll(".label").forEach((label) => label.remove());
          return copy.textContent;
        }"""
    )
    assert shown == TEXT


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)> Leeds"]
)
def test_a_text_is_shown_as_text(opened, port, text):
    page = opened(port)
    page.on("dialog", lambda dialog: pytest.fail("the text was run"))
    page.fill("#text", text)
    expect_answered(page, text)
    assert text in page.locator(".marked").inner_text().replace("place", "")
    assert page.locator("main script, main img, .card script, .card img, [onclick]").count() == 0
    assert page.title() == "tickets/1 · mtl_keras"


@pytest.mark.slow
def test_what_was_not_read_is_said_and_shown(opened, port):
    page, text = opened(port), "Leeds is far. " * 100
    page.fill("#text", text)
    expect_answered(page, text)
    note = page.locator("#note").inner_text()
    assert note.startswith("Too long: only the first 45 word pieces were read, up to “…")
    assert page.locator(".cut").inner_text() == "not read"
    assert page.locator(".unread").inner_text().endswith("… and 800 more characters")


@pytest.mark.slow
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_jumps_and_nothing_sticks_out(opened, port, viewport):
    page = opened(port, viewport)
    heights = [page.evaluate(HEIGHT)]
    for text in ("a", TEXT, "Leeds Nimbus " * 300, "W" * 500):
        page.fill("#text", text)
        expect_answered(page, text)
        heights.append(page.evaluate(HEIGHT))
        assert page.evaluate(WIDTH) == viewport["width"]
    assert len(set(heights)) == 1


@pytest.mark.slow
def test_turned_to_a_phone_it_keeps_its_answers(opened, port):
    page = opened(port)
    page.fill("#text", TEXT)
    expect_answered(page, TEXT)
    before = rows(page, "topic", "name", "number")
    page.set_viewport_size(PHONE)
    assert page.evaluate(WIDTH) == PHONE["width"]
    assert rows(page, "topic", "name", "number") == before
    field, answers = (page.locator(selector).bounding_box() for selector in ("#text", "#answers"))
    assert field["y"] + field["height"] < answers["y"]


@pytest.mark.slow
def test_by_keyboard_alone(opened, port):
    page = opened(port, PHONE)
    expect_focused(page)
    page.keyboard.type("Leeds")
    expect_answered(page, "Leeds")
    names = []
    for _ in range(9):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                """() => {
                  const focused = document.activeElement;
                  const outline = getComputedStyle(focused);
                  if (outline.outlineStyle === "none" || parseFloat(outline.outlineWidth) < 2)
                    return "no outline";
                  return focused.getAttribute("aria-label") ?? focused.textContent;
                }"""
            )
        )
    why = "Which words drove this?"
    assert [name.strip() for name in names] == [
        *(TRY, "Copy a link to this text", "", "Asked before, JSON, curl", why),
        *("entities in the text", "entities as a list", why, why),
    ]
    for _ in range(9):
        page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.press("Control+A")
    assert page.evaluate("getSelection().toString()") == "Leeds"
    page.keyboard.press("Delete")
    assert page.input_value("#text") == ""
    expect_text(page, ".value", "–")
    assert page.locator("mark").count() == 0


@pytest.mark.slow
def test_an_example_a_link_and_what_was_asked_fill_the_field(opened, port):
    page = opened(port)
    page.get_by_role("button", name=TRY).click()
    expect_answered(page, TRY)
    page.fill("#text", "Leeds, 100%")
    expect_answered(page, "Leeds, 100%")
    expect_text(page, "#said", re.compile("^topic: "))
    page.get_by_role("button", name="Copy a link").click()
    expect_text(page, "#file", re.compile("^(The link is copied|Copy it: http)"))
    page.goto(f"http://127.0.0.1:{port}/#text={quote('Leeds, 100%')}")
    expect_answered(page, "Leeds, 100%")
    page.locator("summary", has_text="Asked before").click()
    assert json.loads(page.locator("#json").inner_text()) == stand_in_answer("Leeds, 100%")
    assert '{"text":"Leeds, 100%"}' in page.locator("#curl").inner_text()


@pytest.mark.slow
def test_texts_of_before_can_be_asked_again(opened, port):
    page = opened(port)
    for text in ("Leeds", "Leeds Nimbus"):
        page.fill("#text", text)
        expect_answered(page, text)
        expect_text(page, "#history li:first-child", text)
    page.locator("summary", has_text="Asked before").click()
    page.get_by_role("button", name="Leeds", exact=True).click()
    expect_answered(page, "Leeds")


@pytest.mark.slow
def test_a_csv_file_is_answered_as_one(opened, port, tmp_path):
    page, table = opened(port), tmp_path / "mails.csv"
    table.write_text("id,text\n7,Leeds\n")
    page.set_input_files("#table", table)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the answers to mails.csv").click()
    assert download.value.suggested_filename == "mails-answers.csv"
    content = Path(download.value.path()).read_text()
    assert content.startswith("id,text,read,topic/label,topic/score,entities/passages")
    table.write_text("id,body\n7,Leeds\n")
    page.set_input_files("#table", table)
    expect_text(page, "#file", re.compile("No answer: file.csv:2: no column 'text'"))


@pytest.mark.slow
def test_the_words_that_drove_an_answer_are_shaded(opened, port):
    page = opened(port)
    page.fill("#text", "a Nimbus")
    expect_answered(page, "a Nimbus")
    stars = page.locator("article[aria-labelledby=task-stars]")
    stars.locator("summary").click()
    expect_text(page, "article[aria-labelledby=task-stars] .why p", "a Nimbus")
    shares = [part.get_attribute("style") for part in stars.locator(".for").all()]
    assert shares == ["--share: 10%;", "--share: 60%;"]  # 1 and 6 of 6 characters


@pytest.mark.slow
def test_a_screen_reader_gets_the_answer_once_the_typing_stops(opened, port):
    page = opened(port)
    page.fill("#text", "Leeds")
    best = stand_in_answer("Leeds")["topic"]
    spoken = (
        f"topic: {best['label']} {best['score']:.2f}. entities: Leeds, place. "
        "flags: legal. stars: 1.667."
    )
    expect_text(page, "#said", spoken)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_legible(opened, port, scheme):
    page = opened(port, color_scheme=scheme)
    page.fill("#text", TEXT + " " * 300 + "unread")
    expect_answered(page, TEXT + " " * 300 + "unread")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 30
    assert [contrast for contrast in contrasts if contrast[0] < 4.5] == []


@pytest.mark.slow
def test_an_old_answer_never_overwrites_a_newer_one(opened):
    held = Held()
    with running(stand_in(held)) as port:
        page = opened(port)
        record_shown(page)
        page.fill("#text", "slow")
        assert held.came.wait(PATIENCE / 1000)
        page.fill("#text", "quick and newer")
        let_typing_rest(page)
        assert (held.asked, page.evaluate("shown")) == (["slow"], [])
        held.let_go.set()
        expect_answered(page, "quick and newer")
        let_typing_rest(page)
        assert page.evaluate("shown") == [value_of("slow"), value_of("quick and newer")]
        assert (held.asked, held.most_at_once) == (["slow", "quick and newer"], 1)


@pytest.mark.slow
@pytest.mark.parametrize(("newer", "shown"), [("", ["–", "2.667"]), ("first", ["2.667"])])
def test_a_late_answer_never_overwrites_an_empty_page_or_one_that_was_answered(
    opened, newer, shown
):
    held = Held()
    with running(stand_in(held)) as port:
        page = opened(port)
        page.fill("#text", "first")
        expect_answered(page, "first")
        record_shown(page)
        page.fill("#text", "slow")
        assert held.came.wait(PATIENCE / 1000)
        page.fill("#text", newer)
        if newer == "":
            expect_text(page, ".value", "–")  # without waiting for the answer that is held
        let_typing_rest(page)
        page.fill("#text", "the last")
        held.let_go.set()
        expect_answered(page, "the last")
        assert page.evaluate("shown") == shown


@pytest.mark.slow
def test_what_the_server_refuses_is_shown(opened, monkeypatch):
    monkeypatch.setattr(application, "MOST_BYTES", 2**16)

    def fails(text):
        if text == "fail":
            raise ValueError(text)
        return stand_in_answer(text)

    with running(stand_in(fails)) as port:
        page = opened(port)
        page.fill("#text", "fine")
        expect_answered(page, "fine")
        page.fill("#text", "fail")
        failed = (
            "No answer: the model failed (ValueError); see the demo's terminal for details. "
            "The answers shown are for an earlier text."
        )
        expect_text(page, "[role=alert]", failed)
        assert page.locator(".old").count() == 1
        page.fill("#text", "a" * 2**16)
        page.get_by_text("at most 65,536 are allowed; send less").wait_for()
        page.fill("#text", "fine again")
        expect_answered(page, "fine again")
        expect_text(page, "[role=alert]", "")
        assert page.locator(".old").count() == 0


@pytest.mark.slow
def test_a_server_that_is_gone_is_reported_and_asked_again(opened):
    with running(stand_in()) as port:
        page = opened(port)
    page.fill("#text", "anybody")
    page.get_by_text("The server does not answer. Is it still running?").wait_for()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_request(f"http://127.0.0.1:{port}/answers"):
        pass
    page.wait_for_timeout(1000)  # less than it waits before it asks again
    assert asked == [f"http://127.0.0.1:{port}/answers"]


@pytest.mark.slow
def test_hostile_labels_are_text(opened):
    def answer(text):
        scores = dict.fromkeys(LABELS, 0.75)
        spans = [
            {"start": 0, "end": 1, "text": "a", "label": label, "score": 0.5} for label in LABELS
        ]
        topic = {"label": LABELS[0], "score": 0.75, "scores": scores}
        flags = {"labels": LABELS, "scores": scores}
        return {"text": text, "topic": topic, "flags": flags, "entities": spans}

    kinds = {"topic": "classification", "flags": "multilabel", "entities": "tagging"}
    # As of a model of 0.1.0, which took labels as they were.
    tasks = [
        ServedTask.of(Task(name, kind=kind).with_labels(LABELS)) for name, kind in kinds.items()
    ]
    with running(stand_in(answer, tasks=tasks)) as port:
        page = opened(port)
        page.fill("#text", "a")
        page.get_by_text("The whole text was read").wait_for()
        shown = page.inner_text("body") + page.locator("[role=status]").text_content()
        assert hidden(shown) <= {"\t"}
        assert shown.count("<script>alert(1)</script>") >= 4
        assert shown.count(r"right \u202eot tfel") == 4
        assert page.locator("article img, article script, article a").count() == 0
