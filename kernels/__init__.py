"""numba kernels: the spec's arithmetic on whole tensors, bit for bit and event for event.

Facades (`mac`, `pipeline`, `rescale`, `pool`, `elementwise`) take numpy arrays, bring them to one
canonical type and call compiled kernels; the truth they are tested against is `npusim.spec`.
"""
