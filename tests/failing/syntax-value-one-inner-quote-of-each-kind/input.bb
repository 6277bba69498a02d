SUMMARY = "it's a "b"
