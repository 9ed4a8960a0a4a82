"""Word pieces, their places, and words."""

import functools
import itertools
import json
import resource

import numpy as np
import pytest
import tensorflow as tf
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st

from mtl_keras.data.columns import Columns
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.normalization import (
    BertNormalization,
    FastNormalization,
    TfHubNormalization,
)
from mtl_keras.encoders.tokenizers.tokenizer import align_labels
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.errors import InputError

WHOLE = 2**20  # pieces
BLOCK = 256
# Those that tensorflow-text and `tokenizers` put in other classes, and some that decompose.
HARD = [
    *"\u061d\u09fd\u2e43\u166d\U000111c9我爱\u1100\u1161가é\u0301½²ßſİıΣςﬁ",
    *"\u200d\u2028\ue000\U0002b820",
]
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
def every_character() -> tf.Tensor:
    """Each alone and in a word, `BLOCK` of them a text."""
    codes = (code for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    cut = [f"{c} ab{c}cd" for c in map(chr, codes)]
    blocks = (cut[start : start + BLOCK] for start in range(0, len(cut), BLOCK))
    return tf.constant([" ".join(block).encode() for block in blocks])


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
def test_every_character_is_cut_as_by_the_genuine_preprocessing(genuine, every_character):
    ours = WordpieceTokenizer(
        genuine[1], lowercase=True, max_length=WHOLE, normalization=TfHubNormalization()
    )
    theirs = genuine[0].tokenize(every_character).merge_dims(1, 2)
    assert_same_pieces(ours(every_character).token_ids[:, 1:-1], theirs)


@pytest.mark.slow
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_text_is_cut_as_by_the_genuine_preprocessing(genuine, hub_cut, texts):
    encoded = tf.constant([text.encode() for text in texts])
    assert_same_pieces(hub_cut(encoded), genuine[0].tokenize(encoded).merge_dims(1, 2))


@pytest.fixture(scope="module")
def hub_cut(genuine):
    tokenizer = WordpieceTokenizer(genuine[1], lowercase=True, normalization=TfHubNormalization())
    return lambda texts: tokenizer(texts).token_ids[:, 1:-1]


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "every"), [((True, True, True), 1), ((False,) * 3, 32)])
def test_every_character_is_cut_as_by_hugging_face(bert, every_character, settings, every):
    ours, theirs = bert(*settings)
    texts = every_character[::every]
    expected = theirs.encode_batch([text.decode() for text in texts.numpy()])
    assert_same_pieces(ours(texts).token_ids, tf.ragged.constant([cut.ids for cut in expected]))


@pytest.mark.slow
@pytest.mark.parametrize("settings", [*itertools.product([True, False], repeat=3)], ids=str)
def test_any_text_is_cut_as_by_hugging_face(bert, settings):
    ours, theirs = bert(*settings)
    strange = st.text("".join(HARD) + "ab ", max_size=12)

    @given(st.lists(st.text(max_size=40) | strange, min_size=1, max_size=8))
    @example([text for text in ODD if "[" not in text])
    @example([word * count for word in ("д", "ก", "😀", "가") for count in (25, 33, 100, 101)])
    def check(texts):
        actual = ours(tf.constant([text.encode() for text in texts])).token_ids.to_list()
        assert actual == [encoding.ids for encoding in theirs.encode_batch(texts)]

    check()


@pytest.fixture(scope="module")
def bert(genuine):
    """Both tokenizers by `lowercase`, `strip_accents` and `split_chinese`, of hard pieces too."""
    pieces = [*HARD, *(f"##{sign}" for sign in HARD), "ab我爱cd", "##\u061dcd"]
    vocabulary = list(dict.fromkeys([*genuine[1], *pieces]))

    @functools.cache
    def both(lowercase: bool, strip_accents: bool, split_chinese: bool):
        normalization = BertNormalization(strip_accents, split_chinese)
        ours = WordpieceTokenizer(
            vocabulary, lowercase=lowercase, max_length=WHOLE, normalization=normalization
        )
        made = tokenizers.BertWordPieceTokenizer(
            {piece: index for index, piece in enumerate(vocabulary)},
            lowercase=lowercase,
            strip_accents=strip_accents,
            handle_chinese_chars=split_chinese,
        )
        return ours, made

    return both


def test_a_long_word_counts_characters_and_is_unknown_from_its_start_to_its_end(bert):
    texts = ["ok " + "д" * 101 + "!", "д" * 100]
    actual = bert(True, True, True)[0](tf.constant(texts))
    assert actual.starts.to_list()[0] == [0, 0, 3, 205, 206]
    assert actual.limits.to_list()[0] == [0, 2, 205, 206, 206]
    assert len(actual.token_ids.to_list()[1]) == 102


@pytest.mark.slow
def test_a_saved_model_cuts_as_the_tokenizer_that_it_holds(bert, every_character, tmp_path):
    tokenizer = bert(True, True, True)[0]
    module = tf.Module()
    module.cut = tf.function(
        lambda texts: tokenizer(texts).token_ids.to_tensor(),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path))
    texts = every_character[::16]
    assert np.array_equal(tf.saved_model.load(str(tmp_path)).cut(texts), module.cut(texts))


def test_a_config_of_0_1_0_keeps_its_normalization(letters):
    config = letters.get_config()
    del config["normalization"]
    assert WordpieceTokenizer.from_config(config).normalization == FastNormalization()


def assert_same_pieces(ours, theirs):
    np.testing.assert_array_equal(ours.row_splits, theirs.row_splits)
    np.testing.assert_array_equal(ours.values, theirs.values)


def test_offsets_are_bytes_of_the_original_text(letters):
    text = "Éa e\u0301! 我 ﬁx"
    tokenized = letters(tf.constant([text]))
    places = zip(tokenized.starts[0].numpy(), tokenized.limits[0].numpy(), strict=True)
    actual = [text.encode()[start:limit].decode() for start, limit in places]
    assert actual == ["", "É", "a", "e\u0301", "!", "我", "", "ﬁ", "x", ""]


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
    nodes = [
        *definition.node,
        *(n for function in definition.library.function for n in function.node_def),
    ]
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
