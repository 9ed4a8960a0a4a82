from .served_answers import read_answers as read_answers
from .signatures import export_saved_model as export_saved_model
