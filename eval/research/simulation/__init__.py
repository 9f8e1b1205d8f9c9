"""Simulated users who look for an item that they never name: does the assistant learn within a conversation?

A user knows an item of the catalogue, says only from which department it is, looks at what is shown, and presses or
says what comes near it and what does not, with noise. Counted are the turns until the item is shown, with the
conversation's interest in the ranking and without, for the same users. docs/fusion.md has the figures and what they
cannot show.
"""
