"""A language model grades what a run recommended; it is believed only as far as it agrees with people.

The grades of the suites' authors (``relevant``) are the measure: a judge's agreement with them is told before its mean.
"""
