from .table import kind_of as kind_of
from .task_kind import TaskKind as TaskKind
