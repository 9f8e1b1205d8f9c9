"""Measurements of the whole product, printed as small tables: ``python -m eval.bench [NAME ...]``.

Each measurement is a module with ``measure(stage: Stage) -> Result``. Nothing here is asserted: a number depends on the
machine and on its neighbours, so speed is printed beside a baseline of the same run.
"""
