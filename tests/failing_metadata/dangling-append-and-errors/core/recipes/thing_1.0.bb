inherit autotols
