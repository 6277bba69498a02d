mkdir -p core/recipes; printf 'A = "1"\r\nB = 2\r\n' > core/recipes/thing.bb
