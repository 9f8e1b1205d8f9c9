"""The app's Python package: it needs NumPy and Flower only, and nothing else of this project."""
