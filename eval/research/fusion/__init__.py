"""Other methods of fusion than the product's, and the study that compares them; docs/fusion.md."""
