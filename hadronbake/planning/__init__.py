"""recipes → task graph, hashes, what must run, what is restored, and why. Pure: no I/O."""
