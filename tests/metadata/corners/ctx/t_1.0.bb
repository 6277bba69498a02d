inherit g
