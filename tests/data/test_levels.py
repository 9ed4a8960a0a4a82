"""The names of levels."""

import pytest

import mtl_keras as mtl


@pytest.mark.parametrize("reads", ["last", "mix", "auto", "block_0", "block_11"])
def test_a_task_reads_where_its_recipe_says(reads):
    task = mtl.Task("topic", labels=["x", "y"], reads=reads)
    assert task.get_config()["reads"] == reads
    assert mtl.Task.from_config(task.get_config()) == task


@pytest.mark.parametrize(
    "reads", ["first", "block_", "block_x", "embeddings", "", 3, None, ["last"]]
)
def test_another_name_is_refused_in_a_line(reads):
    with pytest.raises(mtl.InputError, match="task 'topic': reads is last, block_<k>, mix or auto"):
        mtl.Task("topic", reads=reads)


def test_a_task_of_0_1_0_reads_the_last_level():
    config = {"name": "topic", "kind": "classification", "labels": ["x", "y"]}
    assert mtl.Task.from_config(config).reads == "last"


def test_another_level_leaves_the_rest_as_it_is():
    task = mtl.Task("topic", reads="auto").with_labels(["x", "y"])
    moved = task.at_level("block_2")
    assert (moved.reads, moved.labels) == ("block_2", ("x", "y"))
    assert moved.labels_are_found == task.labels_are_found
