"""A client of TensorFlow Serving that answers as `mtl_keras.answer` does."""

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

TIMEOUT = 30.0
_TRANSPORTS: dict[str, type[RestTransport] | type[GrpcTransport]] = {
    "http": RestTransport,
    "https": RestTransport,
    "grpc": GrpcTransport,
}
Answer = TypeVar("Answer")


class Client:
    """An exported model on a TensorFlow Serving.

    It stays with the version that it meets first, so that all it answers is of one version, and
    turns to the newest when the server no longer has that one. Every method takes `timeout`,
    the seconds that each request may take.

    Args:
        address: `http://host:8501` for REST, which needs neither TensorFlow nor another package;
            `grpc://host:8500` for gRPC, which needs the extra `mtl_keras[serving]`.
        model: its name on the server.
        version: of the model; the newest by default.

    Raises:
        InputError: an address of another form, or gRPC without its package. The methods: texts
            that are no strings; a model, version or signature that the server does not have; the
            message holds the server's own and says which it has.
        WorkError: the methods: no server, no answer in time, or a model that is still loading.

    Example:

        with Client("http://localhost:8501", model="tickets") as client:
            client.status()  # {1: "AVAILABLE"}
            client.predict(["I was charged twice."])  # as mtl_keras.answer
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
            signature: `serving_default` for all tasks, or a task for that one.
            batch_size: texts a request, at most the server's `max_batch_size`.
            timeout: seconds a request.
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
        """Task → its labels, in the order of its scores; tasks without labels are left out."""
        return dict(self._asked(lambda served: self._labels(served, timeout), timeout))

    def status(self, *, timeout: float = TIMEOUT) -> dict[int, str]:
        """Version → its state: `LOADING`, `AVAILABLE`, `END`, …, with the reason of a failure."""
        try:
            return self._transport.states(timeout)
        except RefusalError as refusal:
            raise self._no_model(refusal) from None

    def close(self) -> None:
        """Lets go of the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _asked(self, ask: Callable[[Served], Answer], timeout: float) -> Answer:
        """What `ask` finds, once more if the version met first has been unloaded."""
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
            # A row of labels for each text: TensorFlow Serving wants an input, and a row a text.
            outputs = self._transport.run(served, LABELS, [""], timeout)
            self._label_lists = {
                task: [text_of(label) for label in rows[0]] for task, rows in outputs.items()
            }
        return self._label_lists

    def _wrong(self, refusal: RefusalError) -> InputError:
        signatures = sorted(self._served.signatures) if self._served else []
        return InputError(
            f"{self.address}: the server refuses: {refusal}; each of its signatures takes 'text', "
            f"a list of strings: {listed(signatures, limit=20)}"
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
            cure = "not there to answer; see the server's log"
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
    """The texts of each request, all of them checked first."""
    texts = checked_texts(texts)
    if batch_size < 1:
        raise InputError(f"batch_size: {batch_size} came, 1 or more was expected")
    for start in range(0, len(texts), batch_size):
        yield texts[start : start + batch_size]
