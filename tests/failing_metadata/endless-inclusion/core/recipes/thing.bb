require a.inc
