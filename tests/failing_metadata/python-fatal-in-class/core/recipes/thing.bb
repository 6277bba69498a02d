inherit checks
