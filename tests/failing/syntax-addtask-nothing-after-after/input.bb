addtask lint before do_build after
