"""events → terminal, plain lines."""
