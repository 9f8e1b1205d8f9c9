"""Teaching a language model its steps in a turn: labelled conversations, examples made of them, and the training."""
