"""What masking finds and what private counts cost. docs/privacy.md."""
