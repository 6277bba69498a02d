addtask check after do_compile before do_build
