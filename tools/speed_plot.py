"""The speed report's plot: ratios, roofline, sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt
import numpy as np

Points = list[dict[str, Any]]


def draw(
    path: Path, ratios: dict[str, dict[str, float]], roofline: Points, sizes: Points, peaks: dict[str, float]
) -> None:
    """Write an SVG.

    Parameters
    ----------
    ratios
        By network, then contender: median ratio to npusim.
    roofline, sizes
        From `speed_tables`.
    peaks
        GMAC/s by name.
    """
    plt.rcParams.update({"svg.hashsalt": "npusim", "svg.fonttype": "none", "font.size": 8})
    figure, axes = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
    _ratios(axes[0], ratios)
    _roofline(axes[1], roofline, peaks)
    _sizes(axes[2], sizes)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _ratios(axis: Any, ratios: dict[str, dict[str, float]]) -> None:
    labels = [(network, name, value) for network, found in ratios.items() for name, value in found.items()]
    places = np.arange(len(labels))[::-1]
    colours = {network: f"C{index}" for index, network in enumerate(ratios)}
    axis.barh(places, [value for *_, value in labels], color=[colours[network] for network, *_ in labels])
    axis.set_yticks(places, [f"{name}" for _, name, _ in labels])
    axis.axvline(1, color="black", linewidth=1)
    axis.set_xscale("log")
    axis.set_xlabel("times npusim's time, one image, one thread")
    for network, colour in colours.items():
        axis.barh(0, 0, color=colour, label=network)
    axis.legend(loc="lower right")


def _roofline(axis: Any, points: Points, peaks: dict[str, float]) -> None:
    for kind in sorted({point["kind"] for point in points}):
        own = [point for point in points if point["kind"] == kind]
        axis.scatter([p["intensity"] for p in own], [p["rate"] for p in own], s=14, label=kind)
    for style, (name, value) in zip(("-", "--"), peaks.items(), strict=False):
        axis.axhline(value, color="black", linewidth=1, linestyle=style, label=f"peak, {name}")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("MACs a byte of operands and results")
    axis.set_ylabel("GMAC/s")
    axis.legend()


def _sizes(axis: Any, points: Points) -> None:
    for kernel in sorted({point["kernel"] for point in points}):
        by_side = [p for p in points if p["kernel"] == kernel and p["channels"] == 64]
        by_channels = sorted(
            (p for p in points if p["kernel"] == kernel and p["side"] == 14), key=lambda p: p["channels"]
        )
        axis.plot(
            [p["side"] for p in by_side],
            [p["rate"] for p in by_side],
            "o-",
            label=f"{kernel}x{kernel}, by side",
        )
        axis.plot(
            [p["channels"] for p in by_channels],
            [p["rate"] for p in by_channels],
            "s--",
            label=f"{kernel}x{kernel}, by channels",
        )
    axis.set_xscale("log", base=2)
    axis.set_xlabel("image side (64 channels), or channels (14 x 14)")
    axis.set_ylabel("GMAC/s")
    axis.legend()
