"""The hardware's arithmetic as data: stages, widths, limits; presets that ship."""

from npusim.datapath.load import load_datapath, preset_names
from npusim.datapath.model import Datapath, Granularity

__all__ = ["Datapath", "Granularity", "load_datapath", "preset_names"]
