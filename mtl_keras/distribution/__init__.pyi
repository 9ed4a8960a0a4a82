from .clusters import Cluster as Cluster
from .strategies import Workers as Workers
from .strategies import strategy_of as strategy_of
