"""Convolutions, depthwise convolutions and dense layers in one pass, from codes to codes, tile by tile.

What the selected instruction set has no vectors for, or a proof does not cover, is None here and left to
the general kernels. Made once per step, used by several threads at once; the caller brings the scratch.
"""
