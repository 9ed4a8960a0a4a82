"""The plans that a search found, as a table."""

from collections.abc import Mapping


def found_plans(record: Mapping) -> list[dict[str, str]]:
    """Returns the plans that no other beats in both cost and score, cheapest first.

    Args:
        record: the record that `searching.search` returns.

    Returns:
        A row of a table for each plan; an arrow marks the chosen one.
    """
    results = record["results"]
    return [
        {
            "": "→" if number == record["chosen"] else "",
            "plan": results[number]["plan"],
            "mean score": f"{results[number]['score']:.4f}",
            "training": f"{results[number]['training_seconds']:,.0f} s",
            "a text": f"{results[number]['latency_ms']:.1f} ms",
        }
        for number in record["front"]
    ]


def search_cost(record: Mapping) -> str:
    """Returns a search's time in words, compared with one full fine-tuning if that was timed.

    Example:

    >>> search_cost({"seconds": 480.0, "full_seconds": 120.0})
    'the search took 480 s, 4.0 times one full fine-tuning (120 s)'
    """
    words = f"the search took {record['seconds']:,.0f} s"
    if full := record["full_seconds"]:
        words += f", {record['seconds'] / full:.1f} times one full fine-tuning ({full:,.0f} s)"
    return words
