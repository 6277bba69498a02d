FOO%BAR = "1"
FOO,BAR = "1"
