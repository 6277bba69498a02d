include notes.txt
