"""Learning from what was shown and what was pressed: the log of rankings, fitting, and the weights in force.

docs/fusion.md tells the methods, their sources and what they measured.
"""
