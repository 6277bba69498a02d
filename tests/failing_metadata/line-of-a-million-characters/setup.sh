mkdir -p core/recipes; python3 -c "print('DEPENDS = \"' + 'a' * 1000000)" > core/recipes/thing.bb
