SRC_URI = "file://a \
# file://b \
    file://c"
PV = 1
