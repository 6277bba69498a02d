SRC_URI = "file://a \
           file://b \

LICENSE = "MIT"
