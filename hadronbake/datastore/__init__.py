"""statements → variables: operators, overrides, flags, expansion, embedded Python, history."""
