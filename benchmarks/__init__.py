"""Measurements of convcalc's speed and memory, each with its goal.

Times are compared as ratios of medians of interleaved runs, so that a slow machine slows both
sides.

    python -m benchmarks.startup    the time of a command as a whole process
    python -m benchmarks.completion  how long a shell waits for a completion
    python -m benchmarks.chain      how time and memory grow with the network
    python -m benchmarks.growth     how the time of every analysis grows, on graphs of many forms
    python -m benchmarks.checking   `check` on one network and on all that ship
    python -m benchmarks.diff       the time of a diff, compared with loading both networks
    python -m benchmarks.memory     the time of `memory` and of the search for the least peak
    python -m benchmarks.drawing    the time of a drawing, and how it grows
    python -m benchmarks.zoo        every shipped network, and all of them in one process
    python -m benchmarks.exploring  metrics of a million variants, compared with reading each
    python -m benchmarks.executor   the speed of a run, compared with other runtimes
    python -m benchmarks.decompile  how short the texts of networks are, and how long they take
    python -m benchmarks.importing  the time to read ONNX files, compared with other packages
    python -m benchmarks.peers      the time of a summary, compared with torchinfo and fvcore
    python -m benchmarks.mutations  how often errors are at the right line; no time
"""
