inherit nothing
