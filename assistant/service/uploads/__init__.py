"""Files that come with messages and tool calls: read from bodies, kept for a day."""
