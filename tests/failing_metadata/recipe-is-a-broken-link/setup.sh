mkdir -p core/recipes; ln -s nowhere core/recipes/thing.bb
