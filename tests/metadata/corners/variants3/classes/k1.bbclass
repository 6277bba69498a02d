F .= "k1"
inherit_defer k3
