"""Protections: what each adds to a step, against NumPy, and what they do to real drift."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.asserts import assert_frozen_weights_unchanged, assert_same_weights

import mtl_keras as mtl
from mtl_keras.data.multi_task_batches import with_replay
from mtl_keras.errors import InputError
from mtl_keras.evaluation.drift import Snapshot, drift
from mtl_keras.plans.protection import Distillation, GradientProjection, StartingWeights

RATE = 0.1
STEPS, TEXTS = 30, 240  # of real text
REMEDIES = [GradientProjection(), Distillation(temperature=3.0), StartingWeights()]
MASK = np.arange(6) < np.array([[6], [4], [3], [2]])
PROTECTED = {
    "topic": mtl.Task("topic", labels=["x", "y"]),
    "entities": mtl.Task("entities", kind="tagging", labels=["city"]),
    "products": mtl.Task("products", kind="multilabel", labels=["a", "b", "c"]),
    "stars": mtl.Task("stars", kind="regression"),
}


@pytest.fixture
def make_model(tiny_encoder):
    """Makes models of `mood`, that learns over a frozen block, and tasks with frozen heads."""

    def make(*protected: str):
        tasks = [mtl.Task("mood", labels=["good", "bad"]), *(PROTECTED[n] for n in protected)]
        model = mtl.MultiTaskModel(tiny_encoder(dropout=0.0), tasks, head_dropout=0.0)
        _freeze(model, "lowest:1", *protected)
        model.compile(keras.optimizers.SGD(RATE))
        return model

    return make


@pytest.fixture
def model(make_model):
    return make_model("topic")


def _freeze(model, rule, *tasks):
    mtl.FreezePlan(rule).apply(model)
    for name in tasks:
        model.get_layer(f"{name}_head").trainable = False


def _equal_heads(model):
    """Equal and unsure, so that what one task's labels ask of the encoder the other's do too."""
    small = [0.3 * weight for weight in model.get_layer("mood_head").get_weights()]
    for name in ("mood", "topic"):
        model.get_layer(f"{name}_head").set_weights(small)


def _batch(model, *tasks, opposite=False):
    """4 texts; `mood` is the texts' parity, `topic` the same, or the opposite."""
    generator = np.random.default_rng(0)
    ids = generator.integers(4, len(model.encoder.tokenizer.vocabulary), (4, 6)) * MASK
    x = {"token_ids": ids, "padding_mask": MASK}
    parity = np.array([0, 1, 0, 1])
    labels = {
        "mood": parity,
        "topic": 1 - parity if opposite else parity,
        "entities": np.ones((4, 6), int),
        "products": np.eye(4, 3, dtype=np.float32),
        "stars": np.ones(4, np.float32),
    }
    weights = {
        name: np.full((4, 6) if name == "entities" else (4,), name in tasks, np.float32)
        for name in labels
    }
    labels, weights = (
        {name: by_task[name] for name in model.tasks} for by_task in (labels, weights)
    )
    return tf.nest.map_structure(tf.constant, (x, labels, weights))


def _gradient(model, x, scalar_of):
    """Of a scalar of the outputs, by every weight that trains: NumPy arrays, 0 where none."""
    weights = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        scalar = scalar_of(model(x, training=False))
    actual = tape.gradient(scalar, weights, unconnected_gradients="zero")
    return [tf.convert_to_tensor(gradient).numpy().astype(np.float64) for gradient in actual]


def _loss_of(labels, name):
    """Cross-entropy, by hand."""
    rows = tf.stack([tf.range(4), tf.cast(labels[name], tf.int32)], axis=1)
    return lambda outputs: -tf.reduce_mean(tf.math.log(tf.gather_nd(outputs[name], rows)))


def _dot(first, second):
    return sum(float(np.sum(a * b)) for a, b in zip(first, second, strict=True))


def _values(variables):
    return [np.array(variable) for variable in variables]


def _disturb(model):
    """Moves what trains, so that penalties have a gradient."""
    generator = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(variable + generator.normal(0, 0.05, variable.shape))


def assert_step_follows(model, batch, gradients):
    before = _values(model.trainable_variables)
    model.train_on_batch(*batch)
    for variable, start, gradient in zip(model.trainable_variables, before, gradients, strict=True):
        np.testing.assert_allclose(variable, start - RATE * gradient, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("opposite", [True, False], ids=["conflict", "harmony"])
def test_projection_takes_away_what_is_against_the_protected_task(model, opposite):
    _equal_heads(model)
    x, labels, _ = batch = _batch(model, "mood", "topic", opposite=opposite)
    new = _gradient(model, x, _loss_of(labels, "mood"))
    protected = _gradient(model, x, _loss_of(labels, "topic"))
    assert (_dot(new, protected) < 0) == opposite
    share = min(_dot(new, protected), 0) / _dot(protected, protected)
    model.protect(["topic"], GradientProjection())
    expected = [g - share * p for g, p in zip(new, protected, strict=True)]
    assert_step_follows(model, batch, expected)


@pytest.mark.slow
def test_projection_without_a_replayed_batch_is_plain_training(model):
    x, labels, _ = batch = _batch(model, "mood")
    model.protect(["topic"], GradientProjection())
    assert_step_follows(model, batch, _gradient(model, x, _loss_of(labels, "mood")))


def _softmax_slope(q, p, temperature=3.0):
    """Derivative of `T² KL(q_T ‖ p_T)` by the logits of p, by hand."""
    soft_q, soft_p = (distribution ** (1 / temperature) for distribution in (q, p))
    soft_q, soft_p = (
        distribution / distribution.sum(-1, keepdims=True) for distribution in (soft_q, soft_p)
    )
    return temperature * (soft_p - soft_q)


SLOPES = {  # task → (derivative of the mean divergence by what the head has before its activation
    "topic": (lambda q, p: _softmax_slope(q, p) / 4, tf.math.log),
    "entities": (lambda q, p: _softmax_slope(q, p) * MASK[..., None] / MASK.sum(), tf.math.log),
    "products": (lambda q, p: (p - q) / 12, lambda p: tf.math.log(p / (1 - p))),
    "stars": (lambda q, p: 2 * (p - q) / 4, tf.identity),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOPES)
def test_distillation_pulls_each_kind_of_answer_back_to_what_it_was(make_model, name):
    model = make_model(name)
    model.compile(keras.optimizers.SGD(RATE), loss_weights={name: 0.5})
    x, labels, _ = batch = _batch(model, "mood")
    model.protect([name], Distillation(weight=4.0, temperature=3.0))
    was = model(x)[name].numpy()
    _disturb(model)
    slope, inverse = SLOPES[name]
    slope = slope(was, model(x)[name].numpy())
    pull = _gradient(model, x, lambda outputs: tf.reduce_sum(slope * inverse(outputs[name])))
    assert _dot(pull, pull) > 1e-6
    loss = _gradient(model, x, _loss_of(labels, "mood"))
    assert_step_follows(model, batch, [g + 4 * 0.5 * e for g, e in zip(loss, pull, strict=True)])


@pytest.mark.slow
def test_starting_weights_pull_the_encoder_back_and_leave_the_head(model):
    x, labels, _ = batch = _batch(model, "mood")
    model.protect(["topic"], StartingWeights(strength=3.0))
    start = _values(model.trainable_variables)
    _disturb(model)
    loss = _gradient(model, x, _loss_of(labels, "mood"))
    expected = [
        g + 3.0 * (np.array(now) - was) * (not now.path.startswith("mood_head"))
        for g, now, was in zip(loss, model.trainable_variables, start, strict=True)
    ]
    assert_step_follows(model, batch, expected)


@pytest.mark.slow
@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda value: type(value).__name__)
def test_what_is_frozen_stays_and_eager_and_compiled_steps_agree(make_model, remedy):
    protected = ["topic", "products"]
    model = make_model(*protected)
    model.protect(protected, remedy)
    start, trained = model.get_weights(), []
    frozen = [row.group for row in mtl.trainability(model) if not row.trains]
    batch = _batch(model, "mood", *protected) if remedy.replays else _batch(model, "mood")
    for setting in ({"run_eagerly": True}, {"jit_compile": True}):
        model.set_weights(start)
        model.compile(keras.optimizers.SGD(RATE), **setting)
        with assert_frozen_weights_unchanged(model, frozen):
            logs = [model.train_on_batch(*batch, return_dict=True) for _ in range(2)]
        assert (logs[-1]["topic_loss"] > 0) == remedy.replays
        trained.append(model.get_weights())
    assert_same_weights(*trained, tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda value: type(value).__name__)
def test_mixed_precision(tiny_model, remedy):
    model = tiny_model(dtype="mixed_bfloat16")
    model.get_layer("topic_head").trainable = False
    model.compile()
    model.protect(["topic"], remedy)
    generator = np.random.default_rng(0)
    x = {"token_ids": generator.integers(4, 20, (4, 6)) * MASK, "padding_mask": MASK}
    labels = {"topic": np.zeros(4, int), "entities": np.ones((4, 6), int)}
    logs = [model.train_on_batch(x, labels, return_dict=True) for _ in range(30)]
    assert np.isfinite([list(log.values()) for log in logs]).all()
    assert logs[-1]["entities_loss"] < logs[0]["entities_loss"]


@pytest.mark.slow
def test_embeddings_are_projected_with_the_rest(model):
    _freeze(model, "none", "topic")
    _equal_heads(model)
    x, labels, _ = batch = _batch(model, "mood", "topic", opposite=True)
    new, protected = (_gradient(model, x, _loss_of(labels, name)) for name in model.tasks)
    share = _dot(new, protected) / _dot(protected, protected)
    assert share < 0
    model.protect(["topic"], GradientProjection())
    expected = [g - share * p for g, p in zip(new, protected, strict=True)]
    assert_step_follows(model, batch, expected)


@pytest.mark.slow
def test_protecting_a_compiled_model_takes_effect_and_ends(model):
    batch = _batch(model, "mood")
    model.train_on_batch(*batch)
    start = model.get_weights()
    moved = {}
    for name, remedy in [("held", StartingWeights(strength=5.0)), ("free", None)]:
        model.set_weights(start)
        model.protect(["topic"], remedy)
        for _ in range(3):
            model.train_on_batch(*batch)
        moved[name] = sum(
            float(np.sum((now - was) ** 2))
            for variable, now, was in zip(model.weights, model.get_weights(), start, strict=True)
            if variable.path.startswith("block")
        )
    assert 0 < moved["held"] < 0.9 * moved["free"]


@pytest.mark.slow
def test_protecting_nothing_is_plain_training_to_the_bit(tiny_model):
    collected = []
    for remedy in (None, Distillation()):
        model = tiny_model()
        model.compile()
        model.protect([], remedy)
        keras.utils.set_random_seed(1)
        x = {"token_ids": np.arange(4, 28).reshape(4, 6) * MASK, "padding_mask": MASK}
        model.train_on_batch(x, {"topic": np.zeros(4, int), "entities": np.ones((4, 6), int)})
        collected.append(model.get_weights())
    assert_same_weights(*collected)


@pytest.mark.slow
def test_a_protection_is_no_part_of_the_model_and_is_not_saved(model, tmp_path):
    paths = [variable.path for variable in model.variables]
    model.protect(["topic"], Distillation())
    model.train_on_batch(*_batch(model, "mood"))
    assert [variable.path for variable in model.variables] == paths
    model.save(tmp_path / "protected.keras")
    model.protect(["topic"], None)
    model.save(tmp_path / "plain.keras")
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in ("protected", "plain")]
    assert sizes[0] == sizes[1]
    loaded = mtl.load_model(tmp_path / "protected.keras")
    assert_same_weights(loaded.weights, model.weights)


def test_what_cannot_be_protected_is_refused(model):
    remedy = Distillation()
    with pytest.raises(InputError, match="no task 'tone'; there are mood, topic"):
        model.protect(["tone"], remedy)
    with pytest.raises(InputError, match=r"a list of tasks\. Received: 'topic'; give"):
        model.protect("topic", remedy)
    with pytest.raises(InputError, match="none would learn; protect fewer"):
        model.protect(list(model.tasks), remedy)
    for wrong in ("distillation", Distillation):
        with pytest.raises(InputError, match=r"Distillation\(\), StartingWeights\(\) or None"):
            model.protect(["topic"], wrong)
    model.protect(["mood"], remedy)
    with pytest.raises(InputError, match="head of task 'mood' would train; freeze head:mood"):
        model.train_on_batch(*_batch(model, "topic"))


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1", None, True])
def test_strengths_are_positive_numbers(value):
    for make in (
        lambda: Distillation(weight=value),
        lambda: Distillation(temperature=value),
        lambda: StartingWeights(strength=value),
    ):
        with pytest.raises(InputError, match="is not a positive number"):
            make()


def test_protections_are_values():
    assert str(Distillation()) == "Distillation(weight=1.0, temperature=2.0)"
    assert Distillation(weight=2.0) == Distillation(weight=2.0) != Distillation()
    assert [one.replays for one in REMEDIES] == [True, False, False]


@pytest.fixture
def news_and_reviews(shared):
    """MiniLM with a head for topics, trained briefly, and one for sentiment, untrained."""
    labels = {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}
    columns = {
        "train": mtl.Columns(text=0, label=1),
        "test": mtl.Columns(text=2, label=0, label_names=labels),
    }
    news = {
        "train": shared / "data" / "ag_news" / "train.tsv",
        "test": shared / "data" / "ag_news" / "test.csv",
    }
    reviews = {"train": shared / "data" / "sst2" / "dev.tsv"}
    datasets = {
        "topic": mtl.TaskDataset(mtl.Task("topic", files=news, columns=columns)),
        "sentiment": mtl.TaskDataset(
            mtl.Task("sentiment", files=reviews, columns=mtl.Columns(text="sentence"))
        ),
    }
    encoder = mtl.TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=16)
    keras.utils.set_random_seed(0)
    model = mtl.MultiTaskModel(encoder, [dataset.task for dataset in datasets.values()])
    _freeze(model, "top:2")
    model.compile(mtl.layerwise_adamw(model, head_lr=3e-3, backbone_lr=1e-4))
    model.fit(_steps(model, datasets, "topic", STEPS), verbose=0)
    _freeze(model, "top:2", "topic")
    return model, datasets


def _steps(model, datasets, task, count):
    made = {
        name: mtl.batches(dataset, "train", model.encoder.tokenizer, batch_size=16, seed=0)
        for name, dataset in datasets.items()
    }
    return mtl.interleave(made, tasks=[task]).repeat().take(count)


@pytest.mark.slow
def test_on_real_text_each_protection_lowers_drift(news_and_reviews):
    model, datasets = news_and_reviews
    start, head = model.get_weights(), model.get_layer("topic_head").get_weights()
    before, collected = Snapshot.of(model, datasets["topic"], "test", limit=TEXTS), {}
    for remedy in (None, GradientProjection(), Distillation(), StartingWeights()):
        model.set_weights(start)
        keras.utils.set_random_seed(1)
        model.compile(mtl.layerwise_adamw(model, head_lr=3e-3, backbone_lr=5e-4))
        model.protect(["topic"], remedy)
        steps = _steps(model, datasets, "sentiment", STEPS)
        if remedy and remedy.replays:
            steps = with_replay(steps, _steps(model, datasets, "topic", STEPS))
        model.fit(steps, verbose=0)
        after = Snapshot.of(model, datasets["topic"], "test", limit=TEXTS)
        collected[remedy] = drift(before, after) | {"loss": after.metrics["loss"]}
        assert_same_weights(model.get_layer("topic_head").get_weights(), head)
    plain = collected.pop(None)
    assert plain["loss"] > 1.2 * before.metrics["loss"]
    for remedy, measured in collected.items():
        assert measured["loss"] < plain["loss"], remedy
        assert measured["cka"] > plain["cka"], remedy
        # Projection keeps the loss from rising, and lets wrong answers change to right ones.
        assert remedy == GradientProjection() or measured["flipped"] < plain["flipped"], remedy
