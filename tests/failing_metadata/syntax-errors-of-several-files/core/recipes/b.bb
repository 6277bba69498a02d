require bad.inc
inherit nosuch
