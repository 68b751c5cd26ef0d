"""Measurements of convcalc's speed and memory, each beside its goal.

Every figure is a ratio of medians of interleaved runs, so that a slow machine slows both sides.

    python -m benchmarks.startup    how quickly a command starts
    python -m benchmarks.chain      how time and memory grow with the network
    python -m benchmarks.diff       what a diff costs beside loading both networks
    python -m benchmarks.executor   how quickly a network runs, beside other runtimes
"""
