SRC_URI = "file://a;b"
