"""Faster kernels for the kinds that take the time; `convcalc.executor.choice` says which and when.

They work on values with channels last in memory, (batch, *spatial, channels), by pieces that fit a
cache and that a team of threads shares out, and hand each finished piece to a `Finish`.
"""
