"""Machine-near pieces of kernels, written as LLVM IR: what plain loops do not bring LLVM to emit.

They take addresses, not arrays: whoever calls them has checked every bound and keeps the arrays alive.
Only AVX-512 VNNI kernels use them: elsewhere the intrinsics would abort the process.
"""
