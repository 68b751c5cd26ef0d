"""Faster kernels for the kinds that take most of the time; see `convcalc.executor.dispatch`.

They work on values with channels last in memory, (batch, *spatial, channels), block by block: a
block stays in the cache while it is computed and its epilogue runs. The threads of a pool share the
blocks.
"""
