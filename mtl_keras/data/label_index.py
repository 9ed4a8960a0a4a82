"""Maps labels to indices while rows are read, and orders labels."""

import functools
import re
from collections.abc import Collection, Sequence

from mtl_keras.data.examples import RowError
from mtl_keras.data.labels import as_label, fault_of_found
from mtl_keras.errors import listed, nearest, shown
from mtl_keras.storage.limits import LABELS

MOST_HINTS = 1000  # unknown labels for which the nearest label is looked for
LONGEST_LABEL = 1000  # characters of a label that nobody listed


class KnownLabels(dict[str, int]):
    """Label → index, for a fixed list of labels; any other label is an error.

    Labels from earlier versions, such as `1.0`, are found in their normalized spelling too.
    """

    def __init__(self, labels: Sequence[str]):
        super().__init__({label: index for index, label in enumerate(labels)})
        self._respelled = {as_label(label): index for label, index in self.items()}
        self._faults: dict[str, str] = {}  # unknown label → the message

    def __missing__(self, label: str) -> int:
        if label in self._respelled:
            return self._respelled[label]
        fault = self._faults.get(label) or self._fault(label)
        if len(self._faults) < MOST_HINTS:
            self._faults[label] = fault
        raise RowError(fault)

    def _fault(self, label: str) -> str:
        cure = "correct it, add it to the task's labels, or map it with label_names in columns"
        if label.isdigit() and not any(own.isdigit() for own in self):
            cure = f"name what the file means by it with label_names in columns: {{{label}: …}}"
        hint = nearest(label, self) if len(self._faults) < MOST_HINTS else ""
        return f"unknown label {shown(label)}; the labels are {listed(self)}{hint}; {cure}"


@functools.lru_cache(maxsize=32)
def known_labels(labels: tuple[str, ...]) -> KnownLabels:
    """The index of these labels, which is made once."""
    return KnownLabels(labels)


class NewLabels(dict[str, int]):
    """Label → index. New labels are added after the given ones, in the order of their reading."""

    def __init__(self, labels: Sequence[str] = ()):
        super().__init__({label: index for index, label in enumerate(labels)})
        self._respelled = {as_label(label): index for label, index in self.items()}

    def __missing__(self, label: str) -> int:
        if label in self._respelled:
            return self._respelled[label]
        if len(label) > LONGEST_LABEL:
            raise RowError(
                f"a label of {len(label):,} characters; labels that the task does not list have at "
                f"most {LONGEST_LABEL}: is this the column of the label?"
            )
        if len(self) >= LABELS.most:
            raise RowError(f"the task has {LABELS}; is this the column of the label?")
        if fault := fault_of_found(label):
            raise RowError(fault)
        return self.setdefault(label, len(self))


def sorted_labels(labels: Collection[str]) -> list[str]:
    """Sorted labels: by value if all are whole numbers, else as strings.

    Example:

    >>> sorted_labels({"10", "9"}), sorted_labels({"10", "9", "a"})
    (['9', '10'], ['10', '9', 'a'])
    """
    if all(re.fullmatch(r"-?[0-9]{1,18}", label) for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)
