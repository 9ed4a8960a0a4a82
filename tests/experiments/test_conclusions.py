"""Conclusions: one sentence per task, and nothing more."""

from support.comparison_report import make_report

from mtl_keras.experiments.conclusions import (
    conclusions,
    html_conclusions,
    markdown_conclusions,
)


def judged(best: str, alike: list[str], cheapest: str) -> dict:
    report = make_report()
    report["tasks"]["topic"]["verdict"] = {"best": best, "alike": alike, "cheapest": cheapest}
    return report


def test_the_cheapest_of_those_that_do_not_differ_is_named():
    assert conclusions(judged("full", ["features", "full"], "features")) == [
        "topic: full has the best mean; no difference was found between it and features; the "
        "cheapest of these is features (30 s instead of 300 s)."
    ]
    (sentence,) = conclusions(judged("features", ["features", "full"], "features"))
    assert sentence.endswith("features is also the cheapest of these (30 s).")


def test_a_plan_that_is_better_than_all_is_said_to_be():
    report = judged("full", ["full"], "full")
    assert conclusions(report) == ["topic: full is better than every other plan."]
    assert markdown_conclusions(report)[-1] == "- topic: full is better than every other plan."
    assert "<li>topic: full is better than every other plan.</li>" in html_conclusions(report)


def test_a_report_without_verdicts_says_nothing():
    assert markdown_conclusions(make_report()) == []
    assert html_conclusions(make_report()) == ""
