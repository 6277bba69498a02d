mkdir -p core/recipes; printf 'A = "1"\n\000\001\377\376 x\n' > core/recipes/thing.bb
