"""The learning benchmark's data: the same few thousand examples for both sides, as plain files.

`python benchmarks/learning_data.py WORK` reads `../shared/data` and writes for each task
`<task>.train`, `.validation` and `.test`, and `labels.json` with the labels of every task. Texts
are JSON lines with `text` and `label` (no quoting to disagree about), tagged sentences are CoNLL,
`token<TAB>tag`. Needs the standard library only.

The training examples are the first of a seeded shuffle, the same ones for every seed of a run.
`validation` holds the rows after them in the shuffle; neither side chooses anything by it.
"""

import argparse
import csv
import json
import random
from collections.abc import Iterable
from pathlib import Path

CLASSIFICATION = ("topic", "sentiment", "intent")
TAGGING = ("slots", "entities")
TASKS = CLASSIFICATION + TAGGING
SPLITS = ("train", "validation", "test")
SHUFFLE_SEED = 0
NUM_VALIDATION = 200

Row = tuple[str, str] | tuple[list[str], list[str]]


def write(
    shared: Path, folder: Path, *, num_examples: int = 2000, num_topic_test: int = 2000
) -> None:
    """Writes the files of all tasks into a folder.

    Args:
        shared: folder with `data/`.
        folder: where the files go; made if absent.
        num_examples: training examples a task.
        num_topic_test: test rows of `topic` (7,600 in full). Other tasks keep all test rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = {}
    for task in TASKS:
        train, test = READERS[task](shared / "data")
        labels[task] = _labels(task, train)
        train = _shuffled(train)
        rows = {
            "train": train[:num_examples],
            "validation": train[num_examples:][:NUM_VALIDATION],
            "test": _shuffled(test)[:num_topic_test] if task == "topic" else test,
        }
        for split in SPLITS:
            _write_rows(path(folder, task, split), rows[split])
    _write_text(folder / "labels.json", json.dumps(labels, indent=1) + "\n")


def path(folder: Path, task: str, split: str) -> Path:
    """The file of one split of one task."""
    return folder / f"{task}.{split}.{'conll' if task in TAGGING else 'jsonl'}"


def read(folder: Path, task: str, split: str) -> list[Row]:
    """The rows of a written file: `(text, label)`, or for tagging `(words, tags)`."""
    file = path(folder, task, split)
    if task in TAGGING:
        return _read_conll(file)
    rows = map(json.loads, _lines(file))
    return [(row["text"], row["label"]) for row in rows]


def read_labels(folder: Path, task: str) -> list[str]:
    """The labels of a task, those of the full training file: classes, or types of span."""
    return json.loads((folder / "labels.json").read_text(encoding="utf-8"))[task]


def _topic(data: Path) -> tuple[list[Row], list[Row]]:
    classes = _lines(data / "ag_news/classes.txt")
    train = _table(data / "ag_news/train.tsv", delimiter="\t")
    test = _table(data / "ag_news/test.csv", delimiter=",")
    return (
        [(text.strip(), label) for text, label in train],
        [(text.strip(), classes[int(number) - 1]) for number, _, text in test],
    )


def _sentiment(data: Path) -> tuple[list[Row], list[Row]]:
    names = {"0": "negative", "1": "positive"}

    def rows(name):
        pairs = (line.split("\t") for line in _lines(data / "sst2" / name)[1:])
        return [(text.strip(), names[label]) for text, label in pairs]

    return rows("train.tsv"), rows("dev.tsv")


def _intent(data: Path) -> tuple[list[Row], list[Row]]:
    def rows(split):
        texts = (" ".join(line.split()) for line in _lines(data / "snips" / split / "seq.in"))
        return list(zip(texts, _lines(data / "snips" / split / "label"), strict=True))

    return rows("train"), rows("test")


def _slots(data: Path) -> tuple[list[Row], list[Row]]:
    def rows(split):
        words, tags = (
            [line.split() for line in _lines(data / "snips" / split / name)]
            for name in ("seq.in", "seq.out")
        )
        return list(zip(words, tags, strict=True))

    return rows("train"), rows("test")


def _entities(data: Path) -> tuple[list[Row], list[Row]]:
    return _read_conll(data / "wnut17/train.conll"), _read_conll(data / "wnut17/test.conll")


READERS = {
    "topic": _topic,
    "sentiment": _sentiment,
    "intent": _intent,
    "slots": _slots,
    "entities": _entities,
}


def _read_conll(file: Path) -> list[Row]:
    """Sentences of `token<TAB>tag`; a line of nothing but blanks ends one."""
    sentences, words, tags = [], [], []
    for line in [*_lines(file), ""]:
        if line.strip():
            word, tag = line.rsplit("\t", maxsplit=1)
            words.append(word)
            tags.append(tag)
        elif words:
            sentences.append((words, tags))
            words, tags = [], []
    return sentences


def _table(file: Path, delimiter: str) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter=delimiter))


def _lines(file: Path) -> list[str]:
    """Lines as a text editor counts them: `str.splitlines` would cut at other characters too."""
    return file.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def _labels(task: str, rows: Iterable[Row]) -> list[str]:
    if task in TAGGING:
        return sorted({tag[2:] for _, tags in rows for tag in tags if tag != "O"})
    return sorted({label for _, label in rows})


def _shuffled(rows: list[Row]) -> list[Row]:
    rows = list(rows)
    random.Random(SHUFFLE_SEED).shuffle(rows)
    return rows


def _write_rows(file: Path, rows: list[Row]) -> None:
    if file.suffix == ".jsonl":
        lines = [
            json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in rows
        ]
    else:
        lines = [
            "".join(f"{word}\t{tag}\n" for word, tag in zip(*row, strict=True)) for row in rows
        ]
    _write_text(file, "".join(f"{line}\n" for line in lines))


def _write_text(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write the files")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--examples", type=int, default=2000, help="training examples a task")
    parser.add_argument("--topic-test", type=int, default=2000, help="test rows of topic")
    args = parser.parse_args()
    write(args.shared, args.folder, num_examples=args.examples, num_topic_test=args.topic_test)


if __name__ == "__main__":
    main()
