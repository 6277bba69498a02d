SUMMARY = "café"
PV = 1
