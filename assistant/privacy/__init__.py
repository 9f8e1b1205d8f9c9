"""What protects the people behind the events: pseudonyms, masking, forgetting, retention."""
