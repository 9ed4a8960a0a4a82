"""A model that combines gradients and weights losses: what each weight of the model moves by."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mtl_keras as mtl
from mtl_keras.errors import InputError
from mtl_keras.models.combiners import combine, combiner_of
from mtl_keras.plans.combination import Combination

COMBINATIONS = [
    mtl.PCGrad(),
    mtl.GradVac(),
    mtl.CAGrad(),
    mtl.MGDA(),
    mtl.IMTLG(),
    mtl.Nash(),
    mtl.Aligned(),
    mtl.UPGrad(),
    mtl.DBMTL(),
]
NAMES = ("topic", "mood")


@pytest.fixture
def make(tiny_encoder):
    """Makes equal models of two tasks without dropout, that learn by SGD with a rate of 1."""

    def made(own_blocks=None, **compiling) -> mtl.MultiTaskModel:
        tasks = [mtl.Task(name, labels=["x", "y"], own_blocks=own_blocks) for name in NAMES]
        model = mtl.MultiTaskModel(tiny_encoder(dropout=0.0), tasks, head_dropout=0.0)
        mtl.FreezePlan("embeddings").apply(model)
        model.compile(keras.optimizers.SGD(1.0), **compiling)
        return model

    return made


def _batch(seed: int = 0) -> tuple:
    """Texts of which each is of both tasks, with labels of their own."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(4, 30, (6, 5)).astype(np.int32)
    labels = {name: generator.integers(0, 2, 6).astype(np.int32) for name in NAMES}
    x = {"token_ids": ids, "padding_mask": np.ones_like(ids, bool)}
    return x, labels, {name: np.ones(6, np.float32) for name in NAMES}


def _train(model, *seeds: int) -> dict:
    datasets = [tf.data.Dataset.from_tensors(_batch(seed)) for seed in seeds]
    return [model.fit(one, verbose=0).history for one in datasets][-1]


def _gradients(model) -> tuple[list[list], list[float]]:
    """For each task the gradient of its loss by each weight that trains, and its loss."""
    x, labels, _ = _batch()
    gradients, losses = [], []
    for name in NAMES:
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)[name]
            loss = tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(labels[name], outputs)
            )
        variables = [variable.value for variable in model.trainable_variables]
        gradients.append(tape.gradient(loss, variables))
        losses.append(float(loss))
    return gradients, losses


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "own_blocks"), [*((by, None) for by in COMBINATIONS), (mtl.MGDA(), 1)], ids=str
)
def test_shared_weights_move_along_the_combination_and_own_ones_along_their_loss(
    make, by: Combination, own_blocks
):
    model = make(own_blocks)
    (first, second), losses = _gradients(model)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.balance(combine=by, seed=3)
    _train(model, 0)
    pairs = list(zip(first, second, strict=True))
    shared = [(a.numpy(), b.numpy()) for a, b in pairs if a is not None and b is not None]
    flat = np.array([np.concatenate([pair[k].ravel() for pair in shared]) for k in (0, 1)])
    combiner, gramian = combiner_of(by, NAMES, seed=3), tf.constant(flat @ flat.T)
    weights = combine(by, gramian, combiner, tf.constant(losses), lambda: tf.constant(0))
    assert not np.allclose(weights, 1.0, atol=1e-3) or by in (mtl.PCGrad(), mtl.GradVac())
    for variable, old, (a, b) in zip(model.trainable_variables, before, pairs, strict=True):
        is_shared = a is not None and b is not None
        factors = weights.numpy() if is_shared else (1.0, 1.0)
        moved = sum(f * g.numpy() for f, g in zip(factors, (a, b), strict=True) if g is not None)
        np.testing.assert_allclose(old - variable.numpy(), moved, atol=2e-5, err_msg=variable.path)


@pytest.mark.slow
def test_xla_combines_and_weights_as_a_plain_graph_does(make):
    bits = []
    for jit_compile in (False, True):
        model = make(jit_compile=jit_compile)
        model.balance(combine=mtl.GradVac(), weighting=mtl.Uncertainty(), seed=1)
        _train(model, 0, 1)
        bits.append([variable.numpy() for variable in (*model.weights, *model.balancing_state)])
    for plain, compiled in zip(*bits, strict=True):
        np.testing.assert_allclose(plain, compiled, atol=1e-4)


@pytest.mark.slow
def test_a_fault_in_one_tasks_gradient_shows_in_the_loss(make):
    model = make()
    model.balance(combine=mtl.MGDA(), weighting=mtl.Uncertainty())
    (head,) = model.layer_groups["heads/mood"]
    head.set_weights([np.full_like(weight, np.nan) for weight in head.get_weights()])
    assert np.isnan(_train(model, 0)["loss"])
    assert all(np.isnan(v.numpy()).any() for v in model.trainable_variables[:1])


@pytest.mark.slow
def test_one_task_that_trains_is_plain_training(make):
    models = [make() for _ in range(2)]
    models[0].balance(combine=mtl.CAGrad(), tasks=["topic"])
    for model in models:
        _train(model, 0)
    for one, other in zip(models[0].weights, models[1].weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_what_cannot_be_balanced_is_refused(make):
    model = make()
    with pytest.raises(InputError, match=r"combine is a combination, such as PCGrad\(\)"):
        model.balance(combine="pcgrad")
    with pytest.raises(InputError, match="there is no task 'topics'; there are topic, mood"):
        model.balance(combine=mtl.MGDA(), tasks=["topics"])
    mtl.FreezePlan.head("mood").apply(model)
    model.balance(combine=mtl.MGDA())
    model.protect(["mood"], mtl.GradientProjection())
    with pytest.raises(InputError, match="GradientProjection combines gradients in its own way"):
        _train(model, 0)
