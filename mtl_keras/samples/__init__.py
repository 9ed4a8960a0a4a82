"""Data that comes with the package: synthetic support tickets, and the recipe that uses them."""
