"""The table of what a search found."""

from mtl_keras.experiments.found_plans import found_plans


def test_the_frontier_is_listed_and_the_chosen_plan_is_marked():
    cost = {"training_seconds": 12.0, "latency_ms": 3.25}
    record = {
        "results": [
            {"plan": "6 blocks, nothing frozen", "score": 0.9} | cost,
            {"plan": "beaten", "score": None} | cost,
            {"plan": "6 blocks, heads only", "score": 0.85} | cost,
        ],
        "front": [2, 0],
        "chosen": 2,
    }
    rows = found_plans(record)
    assert [(row[""], row["plan"]) for row in rows] == [
        ("→", "6 blocks, heads only"),
        ("", "6 blocks, nothing frozen"),
    ]
    assert rows[0]["mean score"] == "0.8500"
    assert (rows[0]["training"], rows[0]["a text"]) == ("12 s", "3.2 ms")
