A = [31mred
›
