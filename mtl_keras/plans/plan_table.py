"""Tables of a training plan: the learning rate of each layer group in each stage."""

from collections.abc import Mapping, Sequence

from mtl_keras.plans.freeze_plan import trainability
from mtl_keras.plans.layer_groups import Grouped
from mtl_keras.plans.stage import Stage


def plan_table(model: Grouped, stages: Sequence[Stage]) -> list[dict]:
    """Returns the learning rate of each layer group in each stage, lowest group first.

    Returns:
        Rows of `group`, `parameters` (a count) and `stages`: the learning rate in each stage,
        None if the group is frozen.
    """
    groups = list(model.layer_groups)
    rates = [
        stage.learning_rate.by_group(groups) | dict.fromkeys(stage.frozen(groups))
        for stage in stages
    ]
    return [
        {
            "group": row.group,
            "parameters": row.parameters,
            "stages": [by_group[row.group] for by_group in rates],
        }
        for row in trainability(model)
    ]


def plan_grid(model: Grouped, stages: Sequence[Stage], epochs: Sequence[int] | None = None) -> dict:
    """Returns what trains when, and at which rate, for `plots.trainability_grid`.

    Args:
        model: the model whose layer groups are the rows.
        stages: the stages of a training plan.
        epochs: the number of epochs that each stage ran; None: as the stages say.

    Returns:
        `groups`, lowest first, their `parameters`, and `stages`: `freeze`, `epochs`, and `rates`,
        a learning rate per group, None if it is frozen; `solved`, whether its heads are.
    """
    table = plan_table(model, stages)
    counts = epochs or [stage.epochs for stage in stages]
    return {
        "groups": [row["group"] for row in table],
        "parameters": [row["parameters"] for row in table],
        "stages": [
            {
                "freeze": str(stage.freeze),
                "epochs": count,
                "solved": bool(stage.solve),
                "rates": [row["stages"][number] for row in table],
            }
            for number, (stage, count) in enumerate(zip(stages, counts, strict=True))
        ],
    }


def effort_of(stage: Mapping) -> str:
    """Returns a stage's effort in words: `solved`, or its number of epochs."""
    return "solved" if stage.get("solved") else str(stage["epochs"])
