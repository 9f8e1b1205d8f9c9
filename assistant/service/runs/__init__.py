"""Work that goes on beside requests: turns, imports, training."""
