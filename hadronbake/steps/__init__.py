"""the work inside the built-in tasks: unpack, patch, package, quality checks. Runs in the sandbox."""
