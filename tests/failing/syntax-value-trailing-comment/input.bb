LICENSE = "MIT" # the usual
