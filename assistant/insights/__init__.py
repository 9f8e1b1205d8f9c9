"""What a shop learns from its conversations: a masked row for each turn, counted by day, wish and item."""
