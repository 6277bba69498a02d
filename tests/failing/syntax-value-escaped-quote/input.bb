SUMMARY = "a \"b"
