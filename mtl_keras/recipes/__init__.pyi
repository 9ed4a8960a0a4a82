from .recipe import Recipe as Recipe
from .recipe import bundled_recipes as bundled_recipes
from .recipe import load_recipe as load_recipe
