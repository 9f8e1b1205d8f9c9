"""A Flower app of its own (``flwr run`` on this folder), and the counts that it carries between shops."""
