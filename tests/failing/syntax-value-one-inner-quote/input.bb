SUMMARY = "a "b"
