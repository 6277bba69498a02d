A = "one \
  two" three
