require a${@chr(0)}b.inc
