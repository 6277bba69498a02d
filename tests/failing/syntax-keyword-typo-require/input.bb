requires common.inc
