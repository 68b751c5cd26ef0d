"""Models of other programs: files that are read as networks, and networks that are written.

A format is a module with one function, `read`; `convcalc.exchange.formats` lists them all.
"""
