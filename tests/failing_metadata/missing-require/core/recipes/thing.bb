SUMMARY = "x"
require gone.inc
