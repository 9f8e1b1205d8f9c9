"""Studies beside the product: public data, simulated users, private counts, fusion. Not in the wheel."""
