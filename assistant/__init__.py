"""A multimodal recommendation assistant driven by an LLM agent."""
