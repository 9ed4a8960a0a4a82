"""Whatever strangers wrote is shown as text, wherever it is shown."""

import ast
import html
import json

import pytest
from markdown_it import MarkdownIt
from support.hostile import LABELS, hidden
from support.rooms import modules

from mtl_keras.display import (
    Markdown,
    in_html,
    in_json,
    in_markdown,
    in_terminal,
    one_line,
    show,
)
from mtl_keras.errors import InputError

FINE = [
    "Zoë 🙂",
    "نمی\u200cخواهم",
    "👩‍👩‍👧",
    "5\u202f€ le\u00a0kilo",
    "漢字\u3000仮名",
    "שלום",
    "naïve c++",
]


@pytest.mark.parametrize("label", [*LABELS, "half \ud83d"])
def test_nothing_hidden_is_left(label):
    for safe in (one_line, in_markdown, in_html):
        assert hidden(safe(label), kept="") == set()
    assert hidden(in_terminal(label), kept="\n\t") == set()
    assert hidden(in_json(json.dumps({label: [label]}, indent=2, ensure_ascii=False))) == set()
    assert hidden(str(InputError(f"label {label}")), kept="") == set()


@pytest.mark.parametrize("text", FINE)
def test_what_is_written_anywhere_in_the_world_stays_as_it_is(text):
    assert one_line(text) == in_terminal(text) == in_html(text) == in_json(text) == text


def test_what_was_hidden_is_shown():
    assert one_line("a\x1b[2J\u202e\ud83d\n") == "a\\x1b[2J\\u202e\\ud83d\\n"
    assert in_terminal("a\n\tb\r\x9b") == "a\n\tb\\r\\x9b"


@pytest.mark.parametrize("label", [*LABELS, "half \ud83d\U000e0041"])
def test_json_keeps_its_values(label):
    document = json.dumps({label: label}, indent=2, ensure_ascii=False)
    assert json.loads(in_json(document)) == {label: label}


@pytest.mark.parametrize("label", LABELS)
def test_markdown_shows_a_label_and_nothing_else(label):
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    shown = html.escape(" ".join(one_line(label).split()), quote=False).replace('"', "&quot;")
    assert markdown.render(in_markdown(label)) == f"<p>{shown}</p>\n"
    table = markdown.render(f"| a | b |\n| --- | --- |\n| {in_markdown(label)} | end |\n")
    assert table.count("<td>") == 2
    assert f"<td>{shown}</td>\n<td>end</td>" in table


def test_addresses_become_no_links_on_github():
    assert in_markdown("https://a.b www.a.b x@a.b") == r"https\://a.b www\.a.b x\@a.b"


def test_plain_names_stay_plain_markdown():
    for name in ("all-MiniLM-L6-v2", "span_f1", "top:2, head_frozen:topic", "-0.5", "12.5 ± 0.1"):
        assert in_markdown(name) == name
    assert in_markdown(Markdown("`a_`")) == "`a_`"


def test_html_has_no_tag_or_quote_of_a_label():
    for label in LABELS:
        assert not {*'<>"'} & {*in_html(label)}
        assert html.unescape(in_html(label)) == one_line(label)


def test_shown_lines_are_kept(capsys):
    show("a\nb\x1b[2J")
    assert capsys.readouterr().out == "a\nb\\x1b[2J\n"


def test_whatever_is_printed_goes_through_here():
    printing = {
        name
        for name, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id == "print"
    }
    # The console's is of one line or of JSON, the server's of an address.
    assert printing == {"display", "cli.console", "serving.demo.server"}
