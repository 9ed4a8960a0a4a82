from .drift import Snapshot as Snapshot
from .probing import Probe as Probe
from .scores import evaluate as evaluate
