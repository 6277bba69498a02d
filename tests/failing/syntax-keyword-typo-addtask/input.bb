add_task compile after configure
