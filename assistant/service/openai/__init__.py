"""The protocol of OpenAI: chat completions and responses, answered by turns."""
