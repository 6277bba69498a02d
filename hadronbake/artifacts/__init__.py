"""shared state: blobs, trees, records."""
