from .advice import advise as advise
from .comparison import compare as compare
