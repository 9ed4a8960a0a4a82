"""The labels that rows are read against, and their order."""

import re
from collections.abc import Collection, Sequence

from mtl_keras.data.examples import RowError
from mtl_keras.data.labels import as_label, fault_of_found
from mtl_keras.errors import listed, nearest, shown
from mtl_keras.storage.limits import LABELS

LONGEST_LABEL = 1000  # characters of a label that is found in a file


class KnownLabels(dict[str, int]):
    """Label → index, of a list of labels; another one is an error.

    Labels of earlier versions, such as `1.0`, are found under their one spelling too.
    """

    def __init__(self, labels: Sequence[str]):
        super().__init__({label: index for index, label in enumerate(labels)})
        self._respelled = {as_label(label): index for label, index in self.items()}

    def __missing__(self, label: str) -> int:
        if label in self._respelled:
            return self._respelled[label]
        cure = "correct it, add it to the task's labels, or map it with label_names in columns"
        if label.isdigit() and not any(known.isdigit() for known in self):
            cure = f"say what the file means by it with label_names in columns: {{{label}: …}}"
        raise RowError(
            f"unknown label {shown(label)}; the labels are {listed(self)}"
            f"{nearest(label, self)}; {cure}"
        )


class NewLabels(dict[str, int]):
    """Label → index, in the order in which they are met, after those that are known."""

    def __init__(self, labels: Sequence[str] = ()):
        super().__init__({label: index for index, label in enumerate(labels)})
        self._respelled = {as_label(label): index for label, index in self.items()}

    def __missing__(self, label: str) -> int:
        if label in self._respelled:
            return self._respelled[label]
        if len(label) > LONGEST_LABEL:
            raise RowError(
                f"a label of {len(label):,} characters; the task's labels are found here, each of "
                f"at most {LONGEST_LABEL}: is this the column of the label?"
            )
        if len(self) >= LABELS.most:
            raise RowError(f"this is one of {LABELS}; is this the column of the label?")
        if fault := fault_of_found(label):
            raise RowError(fault)
        return self.setdefault(label, len(self))


def sorted_labels(labels: Collection[str]) -> list[str]:
    """Labels in order: by value where all are whole numbers, else by character.

    Example:

    >>> sorted_labels({"10", "9"}), sorted_labels({"10", "9", "a"})
    (['9', '10'], ['10', '9', 'a'])
    """
    if all(re.fullmatch(r"-?[0-9]{1,18}", label) for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)
