"""What people did with items, and what follows from it: events, collaborative models, taste profiles.

Everything here knows users by their pseudonym only; `assistant.privacy` makes it.
"""
