"""Batches of texts of similar length: every example once, little padding."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.data.batching import batches, text_lengths
from mtl_keras.data.epoch_order import OngoingPasses, Passes
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.errors import InputError


@pytest.fixture(scope="module")
def numbered(tmp_path_factory) -> TaskDataset:
    """1,003 texts of 1 to 50 letters, each its own label."""
    file = tmp_path_factory.mktemp("texts") / "all.csv"
    generator = np.random.default_rng(0)
    rows = [f"{'a' * generator.integers(1, 51)},{i:04d}" for i in range(1003)]
    file.write_text("\n".join(["text,label", *rows]) + "\n")
    labels = [f"{i:04d}" for i in range(1003)]
    return TaskDataset(Task("number", labels=labels, files={"train": file, "test": file}))


@pytest.mark.slow
def test_every_example_once_and_only_the_last_batch_short(numbered, letters):
    for seed in (None, 0):
        actual = list(batches(numbered, "test", letters, batch_size=8, seed=seed))
        assert [len(y) for _, y, _ in actual] == [8] * 125 + [3]
        labels = np.concatenate([y for _, y, _ in actual])
        np.testing.assert_array_equal(np.sort(labels), np.arange(1003))
        assert len(batches(numbered, "test", letters, batch_size=8, seed=seed)) == 126


def test_without_a_seed_the_files_order_is_kept(numbered, letters):
    labels = [y for _, y, _ in batches(numbered, "test", letters, batch_size=8)]
    np.testing.assert_array_equal(np.concatenate(labels), np.arange(1003))


@pytest.mark.slow
def test_order_follows_from_the_seed_and_changes_each_time(numbered, letters):
    def orders(seed):
        data = batches(numbered, "test", letters, batch_size=8, seed=seed)
        return [np.concatenate([y for _, y, _ in data]).tolist() for _ in range(2)]

    first, second = orders(1)
    assert first != second
    assert [first, second] == orders(1)
    assert orders(2)[0] != first


@pytest.mark.slow
def test_a_named_pass_has_the_same_batches_whatever_came_before(numbered, letters):
    def labels(passes, skipped=0):
        data = batches(numbered, "test", letters, batch_size=8, seed=1, passes=passes)
        return [y.numpy().tolist() for _, y, _ in data.skip(skipped)]

    passes = Passes()
    first, second = labels(passes), labels(passes)
    passes.begin(0)
    assert labels(passes) == first != second
    passes.begin(1)
    assert labels(Passes(epoch=1), skipped=100) == labels(passes)[100:]


@pytest.mark.slow
def test_endless_passes_follow_each_other_and_begin_anew_with_each_iteration(numbered, letters):
    settings = {"batch_size": 8, "seed": 1, "passes": OngoingPasses(2), "endless": True}
    data = batches(numbered, "test", letters, **settings)
    labels = [y.numpy().tolist() for _, y, _ in data.take(300)]
    passes = [list(itertools.chain(*labels[start : start + 126])) for start in (0, 126)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(1003))
    assert passes[0] != passes[1]
    again = [y.numpy().tolist() for _, y, _ in data.skip(130).take(5)]
    assert again == labels[130:135]


@pytest.mark.slow
def test_files_that_were_not_counted_give_the_same_endless_batches(tmp_path, letters):
    rows = "".join(f"{'a' * (row % 30 + 1)},{row % 2}\n" for row in range(500))
    for name in ("one.csv", "two.csv", "validation.csv"):
        (tmp_path / name).write_text(f"text,label\n{rows}")
    files = {"train": ["one.csv", "two.csv"], "validation": "validation.csv"}
    task = Task("topic", labels=["0", "1"], files=files)
    counted, unread = (
        TaskDataset(task, base_folder=tmp_path, unread=splits) for splits in ((), ("train",))
    )
    assert (counted.counts["train"], "train" in unread.counts) == (1000, False)
    first, second = (
        [
            (x["token_ids"].numpy().tolist(), y.numpy().tolist())
            for x, y, _ in batches(
                texts, "train", letters, batch_size=8, seed=0, endless=True
            ).take(130)
        ]
        for texts in (counted, unread)
    )
    assert first == second


@pytest.mark.slow
def test_batches_hold_texts_of_similar_length(numbered, letters):
    def spread(seed):
        data = batches(numbered, "test", letters, batch_size=8, seed=seed)
        return np.mean([np.ptp(x["padding_mask"].numpy().sum(axis=1)) for x, _, _ in data])

    assert spread(0) < 3 < 30 < spread(None)


def test_lengths_of_batches_come_in_random_order(numbered, letters):
    widths = [
        x["token_ids"].shape[1]
        for x, _, _ in batches(numbered, "test", letters, batch_size=8, seed=0)
    ]
    assert widths[:63] != sorted(widths[:63])


def test_a_batch_is_as_wide_as_its_longest_text(numbered, letters):
    for x, _, _ in batches(numbered, "test", letters, batch_size=8, seed=0):
        assert x["token_ids"].shape[1] == x["padding_mask"].numpy().sum(axis=1).max()


@pytest.mark.slow
def test_given_widths_go_up_to_max_length(numbered, letters):
    settings = {"batch_size": 8, "widths": (16, 24, 48)}
    for x, _, _ in batches(numbered, "test", letters, seed=0, **settings):
        longest = x["padding_mask"].numpy().sum(axis=1).max()
        assert x["token_ids"].shape[1] == min(w for w in (16, 24, 48, 64) if w >= longest)
    short = WordpieceTokenizer(letters.vocabulary, lowercase=True, max_length=20)
    widths = {x["token_ids"].shape[1] for x, _, _ in batches(numbered, "test", short, **settings)}
    assert widths <= {16, 20}


def test_lengths_are_the_tokenizers(numbered, letters):
    texts = [example.text for example in numbered.examples("test")]
    pieces = letters(tf.constant(texts)).token_ids.row_lengths().numpy()
    assert text_lengths(numbered, "test", letters) == Counter(pieces.tolist())
    assert text_lengths(numbered, "test", letters, at_most=1).total() == len(texts), "a chunk"


@pytest.mark.slow
@pytest.mark.parametrize("widths", [(), (16, 24, 48)], ids=["plain", "static"])
def test_a_token_budget_holds_every_example_once(numbered, letters, widths):
    settings = {"max_tokens": 200, "widths": widths}
    lengths = text_lengths(numbered, "test", letters)
    orders, counts = [], set()
    for seed, passes in ((None, None), (0, Passes()), (0, Passes(1)), (1, Passes())):
        data = batches(numbered, "test", letters, seed=seed, passes=passes, **settings)
        actual = [(x["token_ids"].shape, x["padding_mask"].numpy(), y) for x, y, _ in data]
        assert len(actual) == len(data)
        assert all(rows * width <= 200 for (rows, width), _, _ in actual)
        assert Counter(np.concatenate([mask.sum(axis=1) for _, mask, _ in actual])) == lengths
        for (_, width), mask, _ in actual:
            longest = mask.sum(axis=1).max()
            assert width == min(w for w in (*(widths or range(64)), 64) if w >= longest)
        labels = np.concatenate([y for _, _, y in actual])
        np.testing.assert_array_equal(np.sort(labels), np.arange(1003))
        orders.append(labels.tolist())
        counts.add(len(actual))
    assert len(counts) == 1, "as many batches in any order"
    assert len({tuple(order) for order in orders}) == 4


@pytest.mark.slow
def test_a_budget_of_the_largest_batch_makes_fewer_batches(numbered, letters):
    def masks(**settings):
        data = batches(numbered, "test", letters, seed=0, **settings)
        return [x["padding_mask"].numpy() for x, _, _ in data]

    largest = max(mask.size for mask in masks(batch_size=8))
    actual = masks(max_tokens=largest)
    assert len(actual) < 0.7 * 126
    assert 1 - sum(mask.sum() for mask in actual) / sum(mask.size for mask in actual) < 0.04


@pytest.mark.slow
def test_a_named_pass_of_a_token_budget_can_be_skipped_into(numbered, letters):
    def labels(skipped=0):
        data = batches(numbered, "test", letters, max_tokens=200, seed=1, passes=Passes(2))
        return [y.numpy().tolist() for _, y, _ in data.skip(skipped)]

    assert labels(skipped=70) == labels()[70:]


@pytest.mark.slow
def test_one_long_text_among_short_ones_is_a_batch_of_its_own(tmp_path, letters):
    rows = [f"{'a ' * (20 + i % 3)},x" for i in range(300)]
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *rows, f"{'b ' * 9_998},x"]) + "\n")
    dataset = TaskDataset(Task("it", labels=["x", "y"], files={"test": tmp_path / "a.csv"}))
    long = WordpieceTokenizer(letters.vocabulary, lowercase=True, max_length=10_000)
    for widths in ((), (24, 10_000)):
        actual = [
            tuple(x["token_ids"].shape)
            for x, _, _ in batches(dataset, "test", long, max_tokens=1024, seed=0, widths=widths)
        ]
        assert actual.count((1, 10_000)) == 1
        others = [shape for shape in actual if shape != (1, 10_000)]
        assert max(width for _, width in others) <= 24
        assert max(rows * width for rows, width in others) <= 1024
        assert len(others) <= 9


@pytest.mark.parametrize("settings", [{}, {"batch_size": 8, "max_tokens": 200}, {"max_tokens": 0}])
def test_batches_have_examples_or_positions(numbered, letters, settings):
    with pytest.raises(InputError, match=r"give either batch_size \(examples\) or max_tokens"):
        batches(numbered, "test", letters, **settings)


@pytest.mark.slow
def test_ids_and_mask_are_the_tokenizers(numbered, letters):
    texts = {e.label: e.text for e in numbered.examples("test")}
    for x, y, weight in batches(numbered, "test", letters, batch_size=64, seed=0):
        expected = letters(tf.constant([texts[label] for label in y.numpy()])).token_ids
        width = x["token_ids"].shape[1]
        np.testing.assert_array_equal(x["token_ids"], expected.to_tensor(shape=(None, width)))
        mask = tf.sequence_mask(expected.row_lengths(), width)
        np.testing.assert_array_equal(x["padding_mask"], mask)
        np.testing.assert_array_equal(weight, np.ones(len(y), np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"batch_size": 2}, {"max_tokens": 6}])
@pytest.mark.parametrize(
    ("kind", "labels", "row", "expected"),
    [
        ("regression", (), {"text": "a", "label": 0.5}, np.float32([0.5])),
        ("multilabel", ("x", "y"), {"text": "a", "label": ["y"]}, np.float32([[0, 1]])),
    ],
)
def test_batches_of_other_kinds(tmp_path, letters, kind, labels, row, expected, settings):
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    dataset = TaskDataset(
        Task("it", kind=kind, labels=labels, files={"test": tmp_path / "a.jsonl"})
    )
    ((x, y, weight),) = batches(dataset, "test", letters, **settings)
    assert y.dtype == tf.float32
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(weight, [1.0])
    assert x["token_ids"].numpy().tolist() == [[2, 4, 3]]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"batch_size": 2}, {"max_tokens": 10}])
def test_batches_of_tagging(tmp_path, letters, settings):
    (tmp_path / "a.conll").write_text("ab\tB-x\nc\tO\n\nd\tB-x\ne\tI-x\n")
    dataset = TaskDataset(
        Task("it", kind="tagging", labels=["x"], files={"test": tmp_path / "a.conll"})
    )
    for seed in (None, 0):
        ((_, y, weight),) = batches(dataset, "test", letters, seed=seed, **settings)
        rows = {
            tuple(a[:5]): b[:5].tolist() for a, b in zip(y.numpy(), weight.numpy(), strict=True)
        }
        assert rows == {(0, 1, 0, 0, 0): [0, 1, 0, 1, 0], (0, 1, 2, 0, 0): [0, 1, 1, 0, 0]}
        assert (y.shape, y.dtype, weight.dtype) == ((2, 5), tf.int32, tf.float32)
