from .publication import publish as publish
from .saved_model import export_saved_model as export_saved_model
