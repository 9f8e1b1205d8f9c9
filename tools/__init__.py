"""What the model can call, and the engines beneath; usable alone."""
