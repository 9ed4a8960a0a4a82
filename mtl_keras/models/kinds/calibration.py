"""Whether a model is right as often as its probabilities say."""

import numpy as np

from mtl_keras.models.kinds.probabilities import ratio

NUM_BINS = 15


class Calibration:
    """Predictions, each with a confidence, in 15 bins of equal width: `((m - 1) / 15, m / 15]`.

    Naeini et al., 2015, "Obtaining well calibrated probabilities using Bayesian binning"; Guo et
    al., 2017, "On calibration of modern neural networks". With few predictions in a bin chance
    alone moves its share, so the error of a small split is above 0 even if the probabilities are
    right.

    Example:

    >>> calibration = Calibration()
    >>> calibration.add(np.array([0.9, 0.9, 0.6]), np.array([True, False, True]))
    >>> round(calibration.error(), 3)  # (|1 - 1.8| + |1 - 0.6|) / 3
    0.4
    """

    def __init__(self) -> None:
        # Each bin's number of predictions, and its sum of confidences minus right predictions.
        self._counts = np.zeros(NUM_BINS)
        self._excess = np.zeros(NUM_BINS)
        self._confidence = np.zeros(NUM_BINS)

    def add(self, confidences: np.ndarray, is_right: np.ndarray) -> None:
        """Counts predictions.

        Args:
            confidences: probabilities that the predictions are right, `(predictions,)`.
            is_right: whether they are, `(predictions,)`.
        """
        probabilities = np.clip(np.asarray(confidences, np.float64), 0, 1)  # rounding of softmax
        bins = np.clip(np.ceil(probabilities * NUM_BINS) - 1, 0, NUM_BINS - 1).astype(np.int64)
        self._counts += np.bincount(bins, minlength=NUM_BINS)
        self._confidence += np.bincount(bins, weights=probabilities, minlength=NUM_BINS)
        excess = probabilities - np.asarray(is_right, np.float64)
        self._excess += np.bincount(bins, weights=excess, minlength=NUM_BINS)

    def error(self) -> float | None:
        """Returns the expected calibration error, in [0, 1]; None without a prediction.

        `Σ_m |B_m| / n · |right(B_m) - confidence(B_m)|`: over the bins, the distance between the
        share that is right and the mean confidence, weighted by the bins' sizes.
        """
        return ratio(float(np.abs(self._excess).sum()), float(self._counts.sum()))

    def curve(self) -> list[dict[str, float]]:
        """Returns `count`, mean `confidence` and share `right` of each bin with a prediction."""
        return [
            {"count": int(count), "confidence": sure / count, "right": (sure - excess) / count}
            for count, sure, excess in zip(
                self._counts.tolist(), self._confidence.tolist(), self._excess.tolist(), strict=True
            )
            if count
        ]


def top_label_error(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Returns the expected calibration error of the likeliest classes.

    Args:
        labels: class indices `(n,)`; those that training lacks are never right.
        scores: probabilities `(n, classes)`.
    """
    calibration = Calibration()
    calibration.add(scores.max(-1), scores.argmax(-1) == labels)
    return calibration.error()
