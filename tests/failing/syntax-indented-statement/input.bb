SUMMARY = "x"
  LICENSE = "MIT"
	PV = "1"
