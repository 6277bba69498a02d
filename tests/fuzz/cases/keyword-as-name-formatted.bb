export+=	'a"b'
inherit+="x"
