"""Machine-near pieces of kernels, written as LLVM IR: what plain loops do not bring LLVM to emit.

They take addresses, not arrays: whoever calls them has checked every bound and keeps the arrays alive.
Each names the instructions it needs; without them in numba's target it would abort the process.
"""
