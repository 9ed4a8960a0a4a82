"""Word pieces, their places, and words."""

import json
import resource
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mtl_keras.data.task import Columns, Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.tokenizer import align_labels
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.errors import InputError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
ODD = [
    *(
        "",
        " ",
        "\t\r\n",
        "\x00",
        "a\x00b",
        "tab\there",
        "bell\x07",
        "\ufeffhello",
        "soft\u00adhyphen",
    ),
    *(
        "naïve café",
        "Ångström",
        "e\u0301te\u0301",
        "İstanbul ı",
        "ς Σ σ",
        "straße",
        "ﬁne ﬂow",
        "½ ² ™",
    ),
    *(
        "我爱北京",
        "日本語のテキスト",
        "한국어 문장",
        "ไทย",
        "नमस्ते",
        "مرحبا בעולם",
        "\u202eabc\u202c",
    ),
    *("👍🏽 great", "👩‍👩‍👧", "🇩🇪", "☃", "\ue000", "\ufffd", "\U0001f9ff"),
    *("[SEP]", "[CLS] [MASK]", "[UNK]", "##x", "##ing #hash", "[PAD]"),
    *(
        "…",
        "...",
        "?!?!",
        "—–-",
        "“quoted”",
        "don't",
        "rock'n'roll",
        "$5.00",
        "50%",
        "a_b",
        "C#",
        "@me",
    ),
    *("http://a.b/c?d=e&f", "x" * 100, "x" * 101, "é" * 50, "é" * 51, "a" * 10_000, "the " * 500),
]
ODD_BYTES = [
    b"\xff",
    b"caf\xc3",
    b"ab\xe2\x82cd",
    b"\xed\xa0\x80 x",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
]


@pytest.fixture(scope="module")
def sentences(shared) -> list[str]:
    reference = json.loads((shared / "reference/minilm_sentences.json").read_text("utf-8"))
    return reference["sentences"] + ODD


@pytest.fixture(scope="module")
def genuine(shared):
    """TF Hub's own preprocessing, and its vocabulary."""
    import tensorflow_text  # noqa: F401  registers its operations

    folder = shared / "models/tfhub/bert_en_uncased_preprocess_3"
    lines = (folder / "assets/vocab.txt").read_bytes().decode("utf-8")
    return tf.saved_model.load(str(folder)), lines.removesuffix("\n").split("\n")


@pytest.fixture(scope="module")
def english(genuine) -> WordpieceTokenizer:
    return WordpieceTokenizer(genuine[1], lowercase=True)


@pytest.fixture(scope="module")
def cut(letters):
    """Pieces and words of texts, compiled."""
    return tf.function(
        lambda texts: (tokenized := letters(texts), letters.split_words(tokenized)),
        input_signature=[tf.TensorSpec((None,), tf.string)],
    )


@pytest.mark.slow
@pytest.mark.parametrize("max_length", [8, 128, 512])
def test_ids_equal_the_genuine_preprocessing(genuine, sentences, max_length):
    model, vocabulary = genuine
    tokenizer = WordpieceTokenizer(vocabulary, lowercase=True, max_length=max_length)
    texts = tf.constant([*(text.encode() for text in sentences), *ODD_BYTES])
    assert len(texts) >= 200
    packed = model.bert_pack_inputs([model.tokenize(texts)], tf.constant(max_length))
    token_ids = tokenizer(texts).token_ids
    np.testing.assert_array_equal(
        token_ids.to_tensor(shape=(None, max_length)), packed["input_word_ids"]
    )
    np.testing.assert_array_equal(
        tf.sequence_mask(token_ids.row_lengths(), max_length), packed["input_mask"]
    )


@pytest.mark.slow
def test_ids_differ_from_the_genuine_ones_for_sixteen_characters(genuine, english):
    characters = _characters(0x30000)
    texts = tf.constant([f"go{character}at {character} the{character}" for character in characters])
    theirs = genuine[0].tokenize(texts).merge_dims(1, 2).to_list()
    ours = english(texts).token_ids[:, 1:-1].to_list()
    differ = {c for c, mine, their in zip(characters, ours, theirs, strict=True) if mine != their}
    assert len(differ) == 16
    assert {c for c in differ if unicodedata.category(c) != "Cn"} == {"\u1680", "\u2028", "\u2029"}


@pytest.mark.slow
def test_ids_differ_from_hugging_face_only_for_documented_characters(english):
    import tokenizers

    from mtl_keras.encoders.pretrained.sources import MINILM, find

    theirs = tokenizers.Tokenizer.from_file(str(find(MINILM) / "tokenizer.json"))
    theirs.no_padding()
    theirs.no_truncation()
    characters = [c for c in _characters(0x30000) if not _is_documented(c)]
    texts = [f"go{character}at {character} the{character}" for character in characters]
    assert english(tf.constant(texts)).token_ids.to_list() == [
        encoding.ids for encoding in theirs.encode_batch(texts)
    ]


def _characters(limit: int) -> list[str]:
    return [chr(code) for code in range(limit) if not 0xD800 <= code < 0xE000]


def _is_documented(character: str) -> bool:
    """Compatibility forms; control, private and new characters; six more."""
    return (
        _bare(unicodedata.normalize("NFKC", character).casefold()) != _bare(character).lower()
        or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn")
        or unicodedata.ucd_3_2_0.category(character) == "Cn"
        or character in "\u115f\u1160\u166d\u1734\u1885\u1886\ufffd"
    )


def _bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


def test_offsets_are_bytes_of_the_original_text(letters):
    text = "Éa e\u0301! 我 ﬁx"
    tokenized = letters(tf.constant([text]))
    places = zip(tokenized.starts[0].numpy(), tokenized.limits[0].numpy(), strict=True)
    found = [text.encode()[start:limit].decode() for start, limit in places]
    assert found == ["", "É", "a", "e\u0301", "!", "我", "", "ﬁ", "x", ""]


@pytest.mark.slow
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_offsets_lie_on_characters_in_order(cut, texts):
    encoded = [text.encode() for text in texts]
    tokenized, _ = cut(tf.constant(encoded))
    for text, ids, starts, limits in zip(
        encoded, *(x.to_list() for x in tokenized[:3]), strict=True
    ):
        assert (ids[0], ids[-1]) == (2, 3)
        assert starts == sorted(starts)
        assert limits == sorted(limits)
        assert all(
            0 <= start <= limit <= len(text) for start, limit in zip(starts, limits, strict=True)
        )
        for start, limit in zip(starts, limits, strict=True):
            text[start:limit].decode()
        assert (starts[0], limits[0], starts[-1]) == (0, 0, limits[-2])


@given(st.binary(max_size=60))
def test_any_bytes_are_tokenized(cut, text):
    tokenized, _ = cut(tf.constant([text]))
    assert max(tokenized.limits.to_list()[0]) <= len(text)


def test_long_texts_lose_their_end():
    tokenizer = WordpieceTokenizer([*SPECIAL, "a", "b"], lowercase=True, max_length=4)
    tokenized = tokenizer(tf.constant(["a b b b", "a", ""]))
    assert tokenized.token_ids.to_list() == [[2, 4, 5, 3], [2, 4, 3], [2, 3]]
    assert tokenized.starts.to_list() == [[0, 0, 2, 3], [0, 0, 1], [0, 0]]


def test_case_is_kept_where_it_counts():
    tokenizer = WordpieceTokenizer([*SPECIAL, "Éa", "éa", "ea"], lowercase=False)
    assert tokenizer(tf.constant(["Éa éa EA"])).token_ids.to_list() == [[2, 4, 5, 1, 3]]


def test_no_text_gives_no_row(letters):
    tokenized = letters(tf.constant([], tf.string))
    words = letters.split_words(tokenized)
    assert [ragged.to_list() for ragged in (*tokenized, *words)] == [[]] * 7


@pytest.mark.slow
def test_config_round_trip(letters):
    again = WordpieceTokenizer.from_config(json.loads(json.dumps(letters.get_config())))
    texts = tf.constant(["Hello, world"])
    assert again(texts).token_ids.to_list() == letters(texts).token_ids.to_list()
    assert again.get_config() == letters.get_config()


@pytest.mark.parametrize(
    ("vocabulary", "max_length", "message"),
    [
        (["[UNK]", "[CLS]"], 8, r"lacks \[SEP\]"),
        ([*SPECIAL, "a", "a"], 8, "holds 'a' twice"),
        (SPECIAL, 2, "at least 3. Received: 2"),
        (SPECIAL, "8", "whole number"),
    ],
)
def test_wrong_arguments(vocabulary, max_length, message):
    with pytest.raises(InputError, match=message):
        WordpieceTokenizer(vocabulary, lowercase=True, max_length=max_length)


def test_graph_holds_core_operations_and_two_of_tensorflow_text(letters):
    graph = tf.function(lambda texts: letters.split_words(letters(texts))).get_concrete_function(
        tf.TensorSpec((None,), tf.string)
    )
    definition = graph.graph.as_graph_def()
    nodes = [*definition.node, *(n for each in definition.library.function for n in each.node_def)]
    operations = {node.op for node in nodes}
    beyond = {name for name in operations if not hasattr(tf.raw_ops, name)}
    assert beyond == {"FastBertNormalize", "FastWordpieceTokenizeWithOffsets"}


def test_labels_align_as_words_tokenized_one_by_one(shared, english):
    task = Task(
        "entities",
        kind="tagging",
        files={"test": shared / "data/wnut17/dev.conll"},
        columns={"test": Columns(text=0, label=-1)},
        labels=["corporation", "creative-work", "group", "location", "person", "product"],
    )
    dataset = TaskDataset(task)
    examples = list(dataset.examples("test"))
    rows = next(iter(dataset.stream("test", len(examples))))
    labels, mask = align_labels(english(rows["text"]), rows["word_starts"], rows["label"])
    words = tf.ragged.constant([example.words for example in examples])
    lengths = english(words.values).token_ids.row_lengths() - 2
    for row, counts in enumerate(words.with_values(lengths)):
        firsts = 1 + np.cumsum(counts) - counts.numpy()
        kept = (counts > 0) & (firsts < english.max_length - 1)
        np.testing.assert_array_equal(np.flatnonzero(mask[row]), firsts[kept])
        expected = np.array(examples[row].label)[kept]
        np.testing.assert_array_equal(labels[row].numpy()[firsts[kept]], expected)


def test_a_long_text_among_many_short_ones_takes_no_more_room_than_it_has(letters):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tokenized = letters(tf.constant(["a"] * 5000 + ["a " * 50_000]))
    assert tokenized.token_ids.row_lengths().numpy()[-1] == letters.max_length
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KiB
