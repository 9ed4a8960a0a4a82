"""The cost of own blocks in an export."""

import mtl_keras as mtl
from mtl_keras.export.branch_costs import branch_costs


def test_a_row_a_branch_has_its_weights_and_time(tiny_encoder, tiny_model):
    tasks = [
        mtl.Task("topic", labels=["x", "y"]),
        mtl.Task("mood", labels=["x", "y"], own_blocks=1),
    ]
    model = mtl.MultiTaskModel(tiny_encoder(), tasks)
    [row] = branch_costs(model)
    parameters = sum(layer.count_params() for layer in model.layer_groups["block_1@mood"])
    assert row["tasks"] == "mood"
    assert row["own blocks"] == "block_1@mood"
    assert row["MiB"] == f"{4 * parameters / 2**20:.1f}"
    assert float(row["ms"]) >= 0
    assert branch_costs(tiny_model()) == []
