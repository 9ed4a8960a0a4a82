"""What to watch in some data under any training plan."""

import math
from collections.abc import Iterator, Sequence

from mtl_keras.errors import listed, shown
from mtl_keras.experiments.data_profile import FEW_EXAMPLES, TaskProfile

# The thresholds are ours.
LOW_EVENNESS = 0.9
MANY_REPEATED = 0.05  # of the examples
FEW_TO_VALIDATE = 100
EVEN_METRIC = "macro_f1"  # gives every label the same weight


def warnings_of(profiles: Sequence[TaskProfile], max_length: int) -> Iterator[str]:
    """Yields a line for each task and what is doubtful about its data.

    Args:
        profiles: the counts of each task.
        max_length: word pieces that are read of a text.
    """
    for of_task in profiles:
        texts = (
            _rare_labels(of_task),
            _uneven_labels(of_task),
            _cut_tags(of_task, max_length),
            _repeated_texts(of_task),
            _few_to_validate(of_task),
        )
        yield from (f"{of_task.task}: {text}" for text in texts if text)


def _rare_labels(profile: TaskProfile) -> str:
    never, once = profile.labels_given(0, 0), profile.labels_given(1, 1)
    few = profile.labels_given(2, FEW_EXAMPLES - 1)
    texts = (
        (never, "no example of {}, so it is never learnt: add examples or remove the label"),
        (once, "one example of {}, too few to both learn and measure: add examples or merge it"),
        (few, f"fewer than {FEW_EXAMPLES} examples of {{}}: expect little of them"),
    )
    return "; ".join(text.format(listed(labels, 4)) for labels, text in texts if labels)


def _uneven_labels(profile: TaskProfile) -> str:
    even = profile.evenness is None or profile.evenness >= LOW_EVENNESS
    if even or EVEN_METRIC not in profile.kind.metrics:
        return ""
    return (
        f"{shown(profile.largest_label)} is {profile.largest_share:.0%} of the labels: "
        f"watch {EVEN_METRIC}, which gives every label the same weight"
    )


def _cut_tags(profile: TaskProfile, max_length: int) -> str:
    cut = profile.longer_than(max_length)
    if not cut or not profile.kind.per_word:
        return ""
    lost = f"their last words get no {profile.kind.mark}"
    return f"an estimated {cut:.1%} of the texts exceed max_length; {lost}"


def _repeated_texts(profile: TaskProfile) -> str:
    if profile.repeated < MANY_REPEATED * profile.examples:
        return ""
    return (
        f"{profile.repeated:,} of {profile.examples:,} texts repeat an earlier one: "
        "there are fewer distinct examples than rows"
    )


def _few_to_validate(profile: TaskProfile) -> str:
    number = profile.validation_examples
    if number >= FEW_TO_VALIDATE or not profile.kind.counts_texts:
        return ""
    return (
        f"{number} validation examples measure accuracy to ±{98 / math.sqrt(number):.0f} points "
        "(95% interval at an accuracy of 50%): too coarse to choose a plan by"
    )
