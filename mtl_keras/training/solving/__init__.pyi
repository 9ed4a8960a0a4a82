from .depth import best_block as best_block
from .depth import chosen_levels as chosen_levels
from .depth import heads_by_depth as heads_by_depth
from .heads import solve_heads as solve_heads
from .selection import Solution as Solution
