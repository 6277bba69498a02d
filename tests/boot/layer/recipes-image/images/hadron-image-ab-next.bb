require ${HADRONBAKE_DIR}/layers/hadron-core/recipes-image/images/hadron-image-ab.bb

SUMMARY = "Version 2 of hadron-image-ab, for the tests of upgrades"

IMAGE_VERSION = "2"
IMAGE_INSTALL += "hadron-test"
