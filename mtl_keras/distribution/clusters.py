"""The machines that train together, as `TF_CONFIG` names them."""

import json
import os
import re
from dataclasses import dataclass

from mtl_keras.errors import InputError

TF_CONFIG = "TF_CONFIG"
_FORM = '{"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """The workers, and which of them this process is. Only the first, the chief, writes files.

    Args:
        addresses: `host:port` of every worker.
        index: this process's position among them.
    """

    addresses: tuple[str, ...] = ("",)
    index: int = 0

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is no other worker."""
        return len(self.addresses) == 1

    @classmethod
    def of_environment(cls) -> "Cluster":
        """The cluster in the environment variable `TF_CONFIG`; this process alone if it is not set.

        Raises:
            InputError: it does not have the form that TensorFlow expects, or has jobs other than
                workers and a chief.

        Example:

        >>> os.environ["TF_CONFIG"] = '''{"cluster": {"worker": ["10.0.0.1:1", "10.0.0.2:1"]},
        ...                              "task": {"type": "worker", "index": 1}}'''
        >>> Cluster.of_environment().is_chief
        False
        >>> del os.environ["TF_CONFIG"]
        >>> Cluster.of_environment().is_chief
        True
        """
        text = os.environ.get(TF_CONFIG, "").strip()
        if not text:
            return cls()
        try:
            config = json.loads(text)
            jobs, task = config["cluster"], config["task"]
            addresses = (*jobs.get("chief", ()), *jobs["worker"])
            before = len(jobs.get("chief", ())) if task["type"] == "worker" else 0
            index = before + int(task["index"])
            is_right = (
                set(jobs) <= {"chief", "worker"}
                and task["type"] in jobs
                and 0 <= int(task["index"]) < len(jobs[task["type"]])
                and all(re.fullmatch(r"\S+:\d+", address) for address in addresses)
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            is_right = False
        if not is_right:
            raise InputError(f"{TF_CONFIG} must have the form {_FORM}. Received: {text[:200]}")
        return cls(addresses, index)

    def to_environment(self) -> str:
        """The value of `TF_CONFIG` for this worker."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})
