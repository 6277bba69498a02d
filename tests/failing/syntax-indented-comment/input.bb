SUMMARY = "x"
  # a note
