"""What a message says: numbers, money, names and their roles."""
