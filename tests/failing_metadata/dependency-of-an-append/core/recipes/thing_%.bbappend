# more
DEPENDS:append = " libfo"
