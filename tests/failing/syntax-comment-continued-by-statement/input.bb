# SRC_URI = "file://a \
PV = "1.0"
