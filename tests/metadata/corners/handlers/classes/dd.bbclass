SEEN .= " dd"
