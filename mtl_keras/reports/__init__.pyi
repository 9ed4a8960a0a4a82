from .page import Picture as Picture
from .page import render_page as render_page
