"""The Model Context Protocol: tools, recommendations and the catalogue for other agents."""
