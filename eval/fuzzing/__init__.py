"""Generated input of every kind for the real service: hypothesis strategies, the runs over them, and what they count.

``python -m eval.bench fuzz`` runs them; the tests use the same strategies with fewer cases.
"""
