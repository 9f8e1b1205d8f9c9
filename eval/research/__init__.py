"""Studies beside the product: public data, simulated users, private counts, fitted fusion. Not in the wheel."""
