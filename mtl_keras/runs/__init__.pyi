from .data_check import check as check
from .run import Run as Run
