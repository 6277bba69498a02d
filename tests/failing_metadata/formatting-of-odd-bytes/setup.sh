mkdir -p core/recipes; printf 'A = "\377"\n' > core/recipes/thing.bb
