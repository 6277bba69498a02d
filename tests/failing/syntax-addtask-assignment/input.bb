addtask = "lint"
