"""From a linear layer to a head's outputs: the activation and its loss, in NumPy, for solvers.

Each link is the canonical one of its loss, so that the gradient of the loss by the logits is
`outputs - targets` (McCullagh & Nelder, 1989, "Generalized linear models", 2.2).
"""

import abc
from typing import ClassVar

import numpy as np


class Link(abc.ABC):
    """A link, in NumPy.

    Attributes:
        activation: Keras's name of it.
    """

    activation: ClassVar[str]

    @abc.abstractmethod
    def outputs(self, logits: np.ndarray) -> np.ndarray:
        """Returns the outputs of logits `(…, outputs)`, of the same shape."""

    @abc.abstractmethod
    def measured(self, logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns outputs and losses; overwrites the logits with the outputs.

        Args:
            logits: `(…, outputs)`.
            targets: `(…, outputs)`.

        Returns:
            The outputs `(…, outputs)`, and the loss of each row, up to a constant, `(…)`.
        """

    def scale(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns offset and scale `(outputs,)` that standardize the targets `(rows, outputs)`."""
        return np.zeros(targets.shape[-1]), np.ones(targets.shape[-1])


class Softmax(Link):
    """One of several classes; cross-entropy."""

    activation = "softmax"

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        exponentials = np.exp(logits - logits.max(-1, keepdims=True))
        return exponentials / exponentials.sum(-1, keepdims=True)

    def measured(self, logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits -= logits.max(-1, keepdims=True)
        of_right = np.einsum("...k,...k->...", logits, targets)
        outputs = np.exp(logits, out=logits)
        total = outputs.sum(-1)
        outputs /= total[..., np.newaxis]
        return outputs, np.log(total) - of_right


class Sigmoid(Link):
    """Independent classes; the sum of their binary cross-entropies."""

    activation = "sigmoid"

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        return 0.5 * (1 + np.tanh(0.5 * logits))

    def measured(self, logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        losses = (np.logaddexp(0, logits) - logits * targets).sum(-1)
        return self.outputs(logits), losses


class Identity(Link):
    """Numbers; half the squared error, of targets that are scaled to mean 0 and deviation 1."""

    activation = "linear"

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        return logits

    def measured(self, logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return logits, 0.5 * np.square(logits - targets).sum(-1)

    def scale(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        deviation = targets.std(0)
        return targets.mean(0), np.where(deviation > 0, deviation, 1.0)
