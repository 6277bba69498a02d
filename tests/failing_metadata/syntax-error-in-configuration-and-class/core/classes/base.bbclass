do_x( {
