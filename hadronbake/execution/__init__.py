"""plan → results: scheduler, sandbox, jobserver, the engine that drives them."""
