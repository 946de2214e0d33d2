"""Whole steps in one pass over their output, from codes to codes: what runs when nothing is recorded.

Each class decides when it is made, from proofs, whether it may stand for the general kernels; it is
None where they are missing. Made once per step, used by several threads at once; the caller brings
the scratch memory.
"""
