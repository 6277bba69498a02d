"""commands: thin, no logic."""
