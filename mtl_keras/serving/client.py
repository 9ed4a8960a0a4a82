"""A client for TensorFlow Serving whose answers look like those of `mtl_keras.answer`."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Self, TypeVar

import numpy as np

from mtl_keras.data.answer_forms import text_of
from mtl_keras.encoders.texts import checked_texts
from mtl_keras.errors import InputError, WorkError, listed, nearest, shown
from mtl_keras.export.saved_model.served_answers import (
    EMBED,
    LABELS,
    READING,
    SERVING,
    read_answers,
)
from mtl_keras.serving.transports import (
    GrpcTransport,
    RefusalError,
    RestTransport,
    Served,
    Transport,
    UnknownError,
)

TIMEOUT = 30.0  # seconds
_TRANSPORTS: dict[str, type[RestTransport] | type[GrpcTransport]] = {
    "http": RestTransport,
    "https": RestTransport,
    "grpc": GrpcTransport,
}
Answer = TypeVar("Answer")


class Client:
    """An exported model on a TensorFlow Serving server.

    The client keeps using the version that it finds first, so all answers come from one version. If
    the server unloads that version, it changes to the newest. Every method takes `timeout`, the
    seconds that each request may take.

    Args:
        address: `http://host:8501` for REST, which needs neither TensorFlow nor another package;
            `grpc://host:8500` for gRPC, which needs the extra `mtl_keras[serving]`.
        model: its name on the server.
        version: of the model; the newest by default.

    Raises:
        InputError: the address has another form, or gRPC's package is missing. From the methods:
            texts are not strings, or the server lacks the model, version or signature; the message
            repeats the server's and lists what it has.
        WorkError: from the methods: there is no server, it does not answer in time, or the model is
            still loading.

    Example:

        with Client("http://localhost:8501", model="tickets") as client:
            client.status()  # {1: "AVAILABLE"}
            client.predict(["I was charged twice."])  # like mtl_keras.answer
    """

    def __init__(self, address: str, *, model: str, version: int | None = None):
        self.address, self.model, self.version = address, model, version
        self._transport = _transport(address, model)
        self._served: Served | None = None
        self._label_lists: dict[str, list[str]] = {}

    def predict(
        self,
        texts: Sequence[str],
        *,
        signature: str = SERVING,
        batch_size: int = 32,
        timeout: float = TIMEOUT,
    ) -> list[dict]:
        """Every task's answer for each text, in the form of `mtl_keras.answer`.

        Args:
            texts: any strings.
            signature: `serving_default` for all tasks, or the name of one task.
            batch_size: texts per request, at most the server's `max_batch_size`.
            timeout: seconds per request.
        """
        if signature in (EMBED, LABELS, READING):
            raise InputError(
                f"signature {signature!r} gives no answers; predict with {SERVING!r} or a task"
            )
        parts = list(_parts(texts, batch_size))

        def ask(served: Served) -> list[dict]:
            labels = self._labels(served, timeout)
            answers: list[dict] = []
            for part in parts:
                outputs = self._transport.run(served, signature, part, timeout)
                answers += read_answers(outputs, part, labels)
            return answers

        return self._asked(ask, timeout)

    def embed(
        self, texts: Sequence[str], *, batch_size: int = 32, timeout: float = TIMEOUT
    ) -> np.ndarray:
        """The sentence embeddings, float32 `(texts, hidden)`."""
        texts = checked_texts(texts)
        parts = list(_parts(texts, batch_size)) or [[""]]

        def ask(served: Served) -> np.ndarray:
            answers = (self._transport.run(served, EMBED, part, timeout) for part in parts)
            return np.concatenate([outputs["embedding"] for outputs in answers])

        return self._asked(ask, timeout)[: len(texts)].astype(np.float32)

    def labels(self, *, timeout: float = TIMEOUT) -> dict[str, list[str]]:
        """Task → labels, in the order of its scores. Tasks without labels are left out."""
        return dict(self._asked(lambda served: self._labels(served, timeout), timeout))

    def status(self, *, timeout: float = TIMEOUT) -> dict[int, str]:
        """Version → state: `LOADING`, `AVAILABLE`, `END`, …, with the reason for a failure."""
        try:
            return self._transport.states(timeout)
        except RefusalError as refusal:
            raise self._no_model(refusal) from None

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _asked(self, ask: Callable[[Served], Answer], timeout: float) -> Answer:
        """The result of `ask`; asks again if the version in use has been unloaded."""
        try:
            try:
                return ask(self._described(timeout))
            except UnknownError:
                self._served = None
                return ask(self._described(timeout))
        except UnknownError as refusal:
            raise self._not_ready(refusal, timeout) from None
        except RefusalError as refusal:
            raise self._wrong(refusal) from None

    def _described(self, timeout: float) -> Served:
        if self._served is None:
            self._served = self._transport.describe(self.version, timeout)
            self._label_lists = {}
        return self._served

    def _labels(self, served: Served, timeout: float) -> dict[str, list[str]]:
        if not self._label_lists and LABELS in served.signatures:
            # TensorFlow Serving requires an input, and returns one row per text.
            outputs = self._transport.run(served, LABELS, [""], timeout)
            self._label_lists = {
                task: [text_of(label) for label in rows[0]] for task, rows in outputs.items()
            }
        return self._label_lists

    def _wrong(self, refusal: RefusalError) -> InputError:
        signatures = sorted(self._served.signatures) if self._served else []
        return InputError(
            f"{self.address}: the server refuses: {refusal}; its signatures, each of which takes a "
            f"list of strings as 'text', are {listed(signatures, limit=20)}"
        )

    def _not_ready(self, refusal: RefusalError, timeout: float) -> Exception:
        states = self.status(timeout=timeout)
        summary = ", ".join(f"version {version} is {state}" for version, state in states.items())
        if any(state in ("START", "LOADING") for state in states.values()):
            cure = "still loading; ask again when Client.status says AVAILABLE"
        elif "AVAILABLE" in states.values():
            return InputError(
                f"{self.address}: {refusal}; of {self.model!r}, {summary}; choose that"
            )
        else:
            cure = "not available; see the server's log"
        return WorkError(f"{self.address}: {refusal}; {summary}; the model is {cure}")

    def _no_model(self, refusal: RefusalError) -> InputError:
        return InputError(
            f"{self.address}: {refusal}; {self.model!r} is not among the server's models: "
            "check the name against its models.config"
        )


def _transport(address: str, model: str) -> Transport:
    scheme, _, rest = address.partition("://")
    if scheme not in _TRANSPORTS or not rest.strip("/"):
        raise InputError(
            f"address {shown(address)}: expected http://host:8501 for REST "
            f"or grpc://host:8500 for gRPC{nearest(scheme, _TRANSPORTS)}"
        )
    if not re.fullmatch(r"[^/:?#\s]+", model):
        raise InputError(f"model {shown(model)}: expected the name of a model on the server")
    return _TRANSPORTS[scheme](address, model)


def _parts(texts: Sequence[str], batch_size: int) -> Iterator[list[str]]:
    """The texts of each request. Checks all texts first."""
    texts = checked_texts(texts)
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1. Received: {batch_size}")
    for start in range(0, len(texts), batch_size):
        yield texts[start : start + batch_size]
