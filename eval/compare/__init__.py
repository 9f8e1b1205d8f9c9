"""Two runs of the same cases held against each other: what differs, how surely, and how many cases would tell."""
