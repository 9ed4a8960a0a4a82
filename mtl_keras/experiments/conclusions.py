"""Conclusions of a comparison in words, one sentence per task."""

from collections.abc import Mapping

from mtl_keras.display import in_html, in_markdown

HEADING = "Conclusions"
NOTE = (
    "Two plans differ only if the 95% interval of their difference excludes zero. The interval is "
    "over seeds and examples together (paired bootstrap, 1,000 resamples)."
)


def conclusions(report: Mapping) -> list[str]:
    """Returns a sentence per task: its best plan, the plans that do not differ, the cheapest.

    Args:
        report: as in `report.write_report`. A task without a verdict gets no sentence.

    Example:

    >>> plan = {"wall_seconds": 8.0, "tasks": {"topic": {"mean": 0.8}}}
    >>> verdict = {"best": "full", "alike": ["full"], "cheapest": "full", "behind": {}}
    >>> task = {"metric": "accuracy", "verdict": verdict}
    >>> conclusions({"tasks": {"topic": task}, "plans": {"full": plan, "gradual": plan}})
    ['topic: full is better than every other plan.']
    """
    return [
        f"{name}: {_in_words(report, task['verdict'])}"
        for name, task in report["tasks"].items()
        if task.get("verdict") and len(report["plans"]) > 1
    ]


def markdown_conclusions(report: Mapping) -> list[str]:
    """Returns the conclusions as blocks of a Markdown section; empty if there are none."""
    items = [f"- {in_markdown(sentence)}" for sentence in conclusions(report)]
    return [f"## {HEADING}", NOTE, "\n".join(items)] if items else []


def html_conclusions(report: Mapping) -> str:
    """Returns the conclusions as an HTML section; empty if there are none."""
    items = "\n".join(f"<li>{in_html(sentence)}</li>" for sentence in conclusions(report))
    if not items:
        return ""
    return f"<section>\n<h2>{HEADING}</h2>\n<p>{NOTE}</p>\n<ul>\n{items}\n</ul>\n</section>"


def _in_words(report: Mapping, verdict: Mapping) -> str:
    best, cheapest = verdict["best"], verdict["cheapest"]
    others = [name for name in verdict["alike"] if name != best]
    if not others:
        return f"{best} is better than every other plan."
    seconds = {name: report["plans"][name]["wall_seconds"] for name in (best, cheapest)}
    words = f"{best} has the best mean; no difference was found between it and {_listed(others)}; "
    if cheapest == best:
        return words + f"{best} is also the cheapest of these ({seconds[best]:,.0f} s)."
    return words + (
        f"the cheapest of these is {cheapest} ({seconds[cheapest]:,.0f} s instead of "
        f"{seconds[best]:,.0f} s)."
    )


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
