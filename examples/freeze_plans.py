"""Shows which layer groups each freeze plan freezes. It needs no data and no TensorFlow.

python examples/freeze_plans.py
"""

import mtl_keras as mtl

GROUPS = ["embeddings", *(f"block_{index}" for index in range(6)), "heads/topic"]

for rule in ("backbone", "lowest:3", "top:2", "lowest:2 + head:topic"):
    print(f"{rule:24}", ", ".join(mtl.FreezePlan(rule).frozen(GROUPS)))
