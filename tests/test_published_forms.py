"""Public sets in the forms in which they are published: each is read, or a line names the cure."""

import gzip
import json

import pytest

from mtl_keras.data.columns import Columns
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError

CONLL_2003 = (
    "-DOCSTART- -X- -X- O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\nGerman JJ I-NP I-MISC\n\n"
    "# # I-NP O\n5 CD I-NP O\n\nPeter NNP I-NP I-PER\nBlackburn NNP I-NP I-PER\n"
)
WNUT = "@paulwalk\tO\nEmpire\tB-location\nState\tI-location\n\t\n#nyc\tO\n\n:)\tO\n"
EWT = (
    "# newdoc id = weblog\n# sent_id = 1\n# text = I don't.\n"
    "1\tI\tI\tPRON\tPRP\t_\t2\tnsubj\t_\t_\n2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_\n3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_\n\n"
)
ATIS_CSV = "atis_flight, i want to fly\natis_airfare, what is the fare\natis_flight, from boston\n"
COLA = "gj04\t1\t\tOur friends won't buy this.\ngj04\t0\t*\tThey drank the pub.\n" * 3
QQP = (
    'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\tWhat is "x?\t"y" is?\t0\n'
    "1\t3\t4\ta\tb\t1\n"
)
PRODIGY = (
    '{"text": "Ada in Leeds", "_task_hash": 1, "spans": [{"start": 7, "end": 12, "token_start"'
)
PRODIGY += ': 2, "label": "GPE"}], "answer": "accept"}\n{"text": "no one", "spans": []}\n'
PRODIGY_CHOICE = '{"text": "a", "accept": ["p"]}\n{"text": "b", "accept": ["n"]}\n'
DOCCANO = '{"id": 1, "text": "Ada in Leeds", "label": [[0, 3, "PER"], [7, 12, "GPE"]]}\n'
DOCCANO_ENTITIES = (
    '{"id": 1, "text": "Ada in Leeds", "Comments": [], "relations": [], "entities": '
    '[{"id": 3, "label": "GPE", "start_offset": 7, "end_offset": 12}]}\n'
)
JSON_MIN = json.dumps(
    [
        {"id": 1, "text": "good", "sentiment": "Positive"},
        {"id": 2, "text": "bad", "sentiment": "Negative"},
    ],
    indent=2,
)
JSON_MIN_SPANS = json.dumps(
    [{"text": "in Leeds", "label": [{"start": 3, "end": 8, "text": "Leeds", "labels": ["GPE"]}]}]
)
SNIPS = '{"PlayMusic": [{"data": [{"text": "play "}, {"text": "jazz", "entity": "genre"}]}]}'
IOB = "BOS fly to boston EOS\tO O O B-city O\n"
OF_EXCEL = {"delimiter": ";"}
EXCEL = 'text;label\r\n"Schön, ""sehr""";gut\r\nSchlecht;schlecht\r\n'

READ = [
    ("tagging", "eng.train", CONLL_2003, {}, ("MISC", "ORG", "PER"), 3),
    ("token_labels", "eng.testa", CONLL_2003, {"label": 1}, ("#", "CD", "JJ", "NNP", "VBZ"), 3),
    ("tagging", "emerging.test.annotated", WNUT, {}, ("location",), 3),
    ("token_labels", "en_ewt-ud-train.conllu", EWT, {}, ("AUX", "PART", "PRON"), 1),
    ("token_labels", "en_ewt-ud-train.conllu", EWT, {"label": "deprel"}, None, 1),
    ("classification", "atis.csv", ATIS_CSV, {"text": 1, "label": 0}, None, 3),
    ("tagging", "atis.iob", IOB, {"format": "tsv", "text": 0, "label": 1}, ("city",), 1),
    ("classification", "in_domain_train.tsv", COLA, {"text": 3, "label": 1}, ("0", "1"), 6),
    (
        "classification",
        "qqp.tsv",
        QQP,
        {"text": ("question1", "question2"), "label": "is_duplicate"},
        ("0", "1"),
        2,
    ),
    ("tagging", "ner.jsonl", PRODIGY, {"label": "spans"}, ("GPE",), 2),
    ("tagging", "all.jsonl", DOCCANO, {}, ("GPE", "PER"), 1),
    ("tagging", "admin.jsonl", DOCCANO_ENTITIES, {"label": "entities"}, ("GPE",), 1),
    ("classification", "p.jsonl", PRODIGY_CHOICE, {"label": "accept"}, ("n", "p"), 2),
    ("multilabel", "all.jsonl", '{"text": "a", "label": ["x", "y"]}\n', {}, ("x", "y"), 1),
    ("classification", "project.json", JSON_MIN, {"label": "sentiment"}, None, 2),
    ("tagging", "project.json", JSON_MIN_SPANS, {}, ("GPE",), 1),
    ("multilabel", "pandas.csv", "text,label\na,\"['x', 'y']\"\nb,[]\n", {}, ("x", "y"), 2),
    ("multilabel", "a.csv", 'text,label\na,"[""x"", 1.0]"\nb,1|x\n', {}, ("1", "x"), 2),
    ("tagging", "hf.csv", "text,label\n\"['EU', 'is']\",\"['B-x', 'O']\"\n", {}, ("x",), 1),
    (
        "classification",
        "e.csv",
        EXCEL.encode("cp1252"),
        {"delimiter": ";", "encoding": "cp1252"},
        None,
        2,
    ),
    ("classification", "e.data", EXCEL, {}, ("gut", "schlecht"), 2),
    (
        "classification",
        "e.csv",
        EXCEL.encode("utf-16"),
        {"delimiter": ";", "encoding": "utf-16"},
        None,
        2,
    ),
]


def _open(folder, kind, name, content, columns):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    files = {"train": name, "validation": name}
    task = Task("topic", kind, files=files, columns=Columns(**columns))
    return TaskDataset(task, base_folder=folder)


@pytest.mark.parametrize(("kind", "name", "content", "columns", "labels", "number"), READ)
def test_published_forms_are_read(tmp_path, kind, name, content, columns, labels, number):
    opened = _open(tmp_path, kind, name, content, columns)
    assert opened.counts["train"] == number
    assert labels is None or opened.task.labels == labels


REFUSED = [
    ("tagging", "a.conll", "EU 0\nis B-x\n", {}, "label_names in columns: {0: O}"),
    ("tagging", "a.conll", "EU M-x\n", {}, "label_names in columns: {M-x: I-x}"),
    ("token_labels", "a.conll", "Wort POS\nEU NN\nis VB\n", {}, "set header: true in columns"),
    ("tagging", "a.conll", "Wort NER\nEU B-x\n", {}, "set header: true in columns"),
    ("token_labels", "a.conllu", "1\tI\tI" + 7 * "\t_" + "\n", {}, "'_' stands for a missing"),
    (
        "multilabel",
        "a.csv",
        "comment,toxicity\nbad thing,x|y\nof all,x\n",
        {"text": 0, "label": 1},
        "set header: true in columns",
    ),
    ("classification", "a.csv", gzip.compress(b"text,label\n", mtime=0), {}, "ends in .gz"),
    (
        "classification",
        "a.csv",
        gzip.compress(b"a", mtime=0),
        {"encoding": "latin-1"},
        "ends in .gz",
    ),
    ("classification", "a.csv", b"PK\x03\x04\xff\xfe", {}, "save the sheet as CSV"),
    (
        "classification",
        "train_PlayMusic.json",
        '{"PlayMusic": [{"data": []}]}',
        {},
        'JSON line {"text',
    ),
    (
        "classification",
        "eng.train",
        CONLL_2003,
        {},
        "give the task the kind 'tagging' or 'token_la",
    ),
    ("tagging", "atis.iob", IOB, {}, "format: tsv and columns: {text: 0, label: 1}"),
    ("tagging", "ner.jsonl", PRODIGY, {}, "set label: spans in columns"),
    ("tagging", "ewt.conllu", EWT, {}, "set kind: token_labels; if neighbours with equal labels"),
    ("tagging", "ewt.conll", EWT, {}, "set text: 1 in columns (and label), or format: conllu"),
    ("tagging", "a.conll", "EU B\nis O\n", {}, "label_names in columns: {B: B-entity}"),
    ("tagging", "a.jsonl", '{"text": ["EU"], "label": [3]}', {}, "label_names in columns: {3: B-"),
    ("tagging", "a.conll", "EU ORG\nis O\n", {}, "label_names in columns: {ORG: I-ORG}"),
    (
        "classification",
        "e.csv",
        EXCEL.encode("cp1252"),
        {},
        "set its encoding (for Excel files",
    ),
    ("classification", "e.csv", EXCEL.encode("utf-16"), {}, "set encoding: utf-16"),
    ("classification", "e.csv", EXCEL, {}, "set delimiter: ';'"),
    (
        "classification",
        "all.jsonl",
        '{"text": "a", "label": ["x", "y"]}\n',
        {},
        "is for kind: multilabel",
    ),
    (
        "tagging",
        "project.json",
        '[{"id": 1, "data": {"text": "a"}, "annotations": []}]',
        {},
        "export JSON-MIN, or CONLL2003 for spans",
    ),
]


@pytest.mark.parametrize(("kind", "name", "content", "columns", "cure"), REFUSED)
def test_other_forms_are_refused_with_the_cure(tmp_path, kind, name, content, columns, cure):
    with pytest.raises(InputError) as raised:
        _open(tmp_path, kind, name, content, columns)
    assert cure in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / name))


MIXED = ['"1"', "1", "1.0", '"1.0"', '" 1 "']


def test_one_label_in_many_spellings_is_one_class(tmp_path):
    rows = [f'{{"text": "a{n}", "label": {label}}}' for n, label in enumerate([*MIXED, "2"])]
    opened = _open(tmp_path, "classification", "a.jsonl", "\n".join(rows), {})
    assert opened.task.labels == ("1", "2")
    assert opened.label_counts["train"] == {"1": 5, "2": 1}


@pytest.mark.parametrize(
    "label",
    [
        *("true", "NaN", "null", "Infinity", "[]", '["1", "2"]', '"nan"', '"[1"', '"#REF!"'),
        *('"#VALUE!"', '"#DIV/0!"', '"#NAME?"', '"#N/A"', r'"\\N"', '"(null)"', '"n/a"', '"N/A"'),
    ],
)
def test_what_is_no_label_is_refused_with_its_line(tmp_path, label):
    rows = ['{"text": "a", "label": 1}', '{"text": "b", "label": "2"}']
    rows.append(f'{{"text": "c", "label": {label}}}')
    with pytest.raises(InputError, match=r"a\.jsonl:3: "):
        _open(tmp_path, "classification", "a.jsonl", "\n".join(rows), {})
