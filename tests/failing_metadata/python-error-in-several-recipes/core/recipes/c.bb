inherit nothing-of-that-name
