inherit autotools # needed
require a.inc # too
