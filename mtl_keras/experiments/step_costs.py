"""The cost of a training step by formula: floating-point operations and activation memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mtl_keras.data.task import Task
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.models.frozen_prefix import SENTENCE
from mtl_keras.plans.layer_groups import (
    EMBEDDINGS,
    backbone_of,
    head_group,
    height_of,
    owners_of,
)

FLOAT32 = 4  # bytes; layer norms, softmax and heads use it under every dtype policy


@dataclass(frozen=True, kw_only=True)
class StepCosts:
    """The costs of a step of a model with frozen layer groups.

    Forward, a matrix product of `(n, k)` and `(k, m)` takes `2 n k m` operations. Backward, it
    takes as many again for each operand whose gradient is needed: the kernel if the group trains,
    the input if the group or one below it trains. So a frozen group below the lowest trainable one
    only runs forward, and a frozen group above it saves the kernels' gradients. In attention's two
    products both operands are activations. Only products are counted; norms, GELU, softmax and the
    optimizer add 1 to 2 % in an encoder as wide as MiniLM.

    Padding costs as much as words, so the costs depend only on a batch's shape, `(batch, length)`.

    Args:
        config: the encoder's dimensions, all blocks counted that a text passes to the highest head.
        tasks: the tasks that have a head; every head runs in every step.
        frozen: names of the frozen layer groups.
        groups: names of all layer groups; empty: those of an encoder that all tasks share.
        cached: names of the groups whose output is cached instead of computed; with
            `sentence_embedding` the pooling is cached too.
        float_bytes: bytes of a number in the encoder's products; 2 in mixed precision.

    Example:

    >>> config = EncoderConfig(vocabulary_size=100, hidden_dim=8, num_layers=2, num_heads=2,
    ...                        intermediate_dim=16)
    >>> tasks = [Task("topic", labels=["x", "y"])]
    >>> costs = StepCosts(config=config, tasks=tasks, frozen=("embeddings", "block_0"))
    >>> costs.forward_flops((1, 4)), costs.backward_flops((1, 4))
    (9248, 7744)
    """

    config: EncoderConfig
    tasks: Sequence[Task]
    frozen: Collection[str] = ()
    groups: Collection[str] = ()
    cached: Collection[str] = ()
    float_bytes: int = FLOAT32

    def forward_flops(self, shape: tuple[int, int]) -> int:
        """Returns the operations of the forward pass, all heads included, of such a batch."""
        block = self._kernel_flops(shape) + self._attention_flops(shape)
        block *= self.config.applications()
        blocks = len([group for group in self._backbone[1:] if group not in self.cached])
        heads = sum(self._head_flops(task, shape) for task in self.tasks)
        return blocks * block + self._pooler_flops(shape) + heads

    def backward_flops(self, shape: tuple[int, int]) -> int:
        """Returns the operations of the backward pass of a batch of this shape."""
        blocks = [self._block_backward_flops(group, shape) for group in self._backbone[1:]]
        pooler = self._passes_back(self._backbone[-1]) * self._pooler_flops(shape)
        heads = [
            (self._reached(self._top(task)) + self._trains(head_group(task.name)))
            * self._head_flops(task, shape)
            for task in self.tasks
        ]
        return sum(blocks) + pooler + sum(heads)

    def activation_bytes(self, shape: tuple[int, int]) -> int:
        """Returns the bytes that the forward pass keeps for the backward pass.

        It counts the tensors that gradients read in a graph without XLA. In each block that the
        gradient reaches: queries, keys, values, attention weights, intermediate values of norms
        and GELU, and dropout masks. In each block and head that trains: the inputs of its kernels.
        It does not count short-lived tensors (such as the gradient of the widest layer), casts of
        weights in mixed precision, or what XLA recomputes instead of keeping.
        """
        blocks = [self._block_bytes(group, shape) for group in self._backbone[1:]]
        heads = [self._head_bytes(task, shape) for task in self.tasks]
        return self._embedding_bytes(shape) + sum(blocks) + sum(heads)

    @property
    def _backbone(self) -> list[str]:
        blocks = [f"block_{index}" for index in range(self.config.num_layers)]
        return backbone_of(self.groups) or [EMBEDDINGS, *blocks]

    def _top(self, task: Task) -> str:
        """Returns the highest group that a task's texts pass."""
        own = [group for group in self._backbone if task.name in owners_of(group)]
        return (own or [group for group in self._backbone if not owners_of(group)])[-1]

    def _path(self, group: str) -> list[str]:
        """Returns the groups that a text passes up to one of the backbone, lowest first."""
        below = [one for one in self._backbone if height_of(one) <= height_of(group)]
        own = [one for one in below if owners_of(group) and owners_of(one) == owners_of(group)]
        start = min(map(height_of, own), default=height_of(group) + 1)
        return [one for one in below if not owners_of(one) and height_of(one) < start] + own

    def _lowest(self, group: str) -> str | None:
        """Returns the lowest group on the way to one that trains; None if all are frozen."""
        return next((one for one in self._path(group) if self._trains(one)), None)

    def _trains(self, group: str) -> bool:
        return group not in self.frozen

    def _reached(self, group: str) -> bool:
        """Returns whether the backward pass reaches a group of the backbone."""
        return self._lowest(group) is not None

    def _passes_back(self, group: str) -> int:
        """Returns how many operands of a product with a kernel need a gradient: 0, 1 or 2."""
        return self._reached(group) + self._trains(group)

    def _block_backward_flops(self, group: str, shape: tuple[int, int]) -> int:
        if not self._reached(group):
            return 0
        unneeded = self._query_key_value_flops(shape) if group == self._lowest(group) else 0
        kernels = self._passes_back(group) * self._kernel_flops(shape)
        whole = kernels + 2 * self._attention_flops(shape)
        return self.config.applications() * whole - unneeded

    def _kernel_flops(self, shape: tuple[int, int]) -> int:
        """Returns the operations of a block's products with its kernels."""
        (batch, length), config = shape, self.config
        rest = config.hidden_dim + 2 * config.intermediate_dim
        return self._query_key_value_flops(shape) + 2 * batch * length * config.hidden_dim * rest

    def _query_key_value_flops(self, shape: tuple[int, int]) -> int:
        batch, length = shape
        return 2 * batch * length * 3 * self.config.hidden_dim**2

    def _attention_flops(self, shape: tuple[int, int]) -> int:
        """Returns the operations of queries with keys, and of attention weights with values."""
        batch, length = shape
        return 4 * batch * length**2 * self.config.hidden_dim

    def _pooler_flops(self, shape: tuple[int, int]) -> int:
        used = any(not task.label_kind.per_word for task in self.tasks)
        runs = self.config.pooling == "pooler" and used and SENTENCE not in self.cached
        return 2 * shape[0] * self.config.hidden_dim**2 if runs else 0

    def _head_flops(self, task: Task, shape: tuple[int, int]) -> int:
        return 2 * _rows(task, shape) * self.config.hidden_dim * task.num_outputs

    def _block_bytes(self, group: str, shape: tuple[int, int]) -> int:
        if not self._reached(group):
            return 0
        (batch, length), config, trains = shape, self.config, self._trains(group)
        hidden, weights = config.hidden_dim, config.num_heads * length
        drops = trains and config.dropout > 0
        # A training block keeps the inputs of its four kernels.
        floats = (4 + 3 * trains) * hidden + weights * drops
        of_gelu = 4 if config.approximate_gelu else 2 if drops else 3  # see `blocks`
        floats += (of_gelu + trains) * config.intermediate_dim
        of_norm = hidden + 1 if drops else 2 * hidden
        in_float32 = 2 * of_norm + weights  # the attention weights
        masks = (2 * hidden + weights) * drops
        numbers = floats * self.float_bytes + in_float32 * FLOAT32 + masks
        return self.config.applications() * batch * length * numbers

    def _embedding_bytes(self, shape: tuple[int, int]) -> int:
        if not self._trains(EMBEDDINGS):
            return 0
        (batch, length), hidden = shape, self.config.hidden_dim
        return batch * length * hidden * (2 * FLOAT32 + (self.config.dropout > 0))

    def _head_bytes(self, task: Task, shape: tuple[int, int]) -> int:
        trains = self._trains(head_group(task.name))
        return _rows(task, shape) * self.config.hidden_dim * FLOAT32 if trains else 0


def _rows(task: Task, shape: tuple[int, int]) -> int:
    """Returns how many vectors a head reads from a batch: one per text, or one per token."""
    batch, length = shape
    return batch * length if task.label_kind.per_word else batch
