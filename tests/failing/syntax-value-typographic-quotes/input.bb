SUMMARY = “A library”
