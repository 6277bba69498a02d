addtask before do_build
addtask # nothing
