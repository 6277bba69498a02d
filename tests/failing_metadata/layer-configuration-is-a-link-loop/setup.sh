rm core/conf/layer.conf; ln -s layer.conf core/conf/layer.conf
