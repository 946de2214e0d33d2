"""The compiler: passes over the float network, the last one makes a program."""

from npusim.compiler.compile import compile_network
from npusim.compiler.recipe import Recipe, load_recipe, recipe_names

__all__ = ["Recipe", "compile_network", "load_recipe", "recipe_names"]
