"""Texts that are not read whole, and what is labelled beyond."""

import mtl_keras as mtl
from mtl_keras.data.cuts import Cuts, cuts
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer

VOCABULARY = ["[UNK]", "[CLS]", "[SEP]", "a", "b", "c"]
TOKENIZER = WordpieceTokenizer(VOCABULARY, lowercase=True, max_length=6)  # 4 pieces of words


def _cuts(folder, kind, sentences):
    rows = "\n\n".join("\n".join(f"{w}\t{m}" for w, m in sentence) for sentence in sentences)
    (folder / "test.conll").write_text(rows + "\n")
    labels = sorted(
        {mark.removeprefix("B-").removeprefix("I-") for s in sentences for _, mark in s}
    )
    labels = [label for label in labels if label != "O"] if kind == "tagging" else labels
    task = mtl.Task("words", kind, labels, files={"test": "test.conll"})
    return cuts(mtl.TaskDataset(task, base_folder=folder), "test", TOKENIZER)


def test_a_span_counts_as_beyond_if_one_of_its_words_is_not_read(tmp_path):
    whole = [("a", "B-x"), ("b", "O"), ("c", "O"), ("a", "B-x")]
    cut = [*whole[:3], ("a", "B-x"), ("b", "I-x"), ("c", "B-x")]
    actual = _cuts(tmp_path, "tagging", [whole, cut])
    assert (actual.texts, actual.cut, actual.marks, actual.beyond) == (2, 1, 5, 2)
    ((place,),) = actual.places
    assert place.endswith("test.conll:6")


def test_a_word_that_is_not_read_is_beyond(tmp_path):
    actual = _cuts(
        tmp_path, "token_labels", [[(word, "xy"[n % 2]) for n, word in enumerate("abcabca")]]
    )
    assert (actual.cut, actual.marks, actual.beyond) == (1, 7, 3)


def test_texts_that_are_read_whole_have_nothing_beyond(tmp_path):
    (tmp_path / "test.csv").write_text('text,label\na b c a,x\n"a b c a  ",y\n½ é,x\n')
    task = mtl.Task("topic", labels=["x", "y"], files={"test": "test.csv"})
    dataset = mtl.TaskDataset(task, base_folder=tmp_path)
    assert cuts(dataset, "test", TOKENIZER) == Cuts(texts=3)
