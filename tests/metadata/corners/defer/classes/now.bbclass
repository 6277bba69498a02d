L .= " now"
