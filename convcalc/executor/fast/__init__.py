"""Faster kernels for the kinds that take the time; `convcalc.executor.choice` says which and when.

They work on values with channels last in memory, (batch, *spatial, channels), by pieces that fit a
cache and that a team of threads shares out, and hand each finished piece to a `Finish`.

A kernel does not calculate while it runs through its pieces: it lists NumPy calls with a `Worker`,
from shapes alone, and the team makes them afterwards, in a program that is held also for the next
inputs. So whatever reads or writes values is a call, and what a call is given must be a view of
memory that stays: a `reshape` that has to copy would see the values of the time of listing.
"""
