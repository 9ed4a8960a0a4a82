from .converter import convert as convert
from .process import open_converted as open_converted
