"""packages → root filesystem → images."""
