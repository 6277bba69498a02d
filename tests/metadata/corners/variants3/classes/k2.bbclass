F .= "k2"
inherit k3
