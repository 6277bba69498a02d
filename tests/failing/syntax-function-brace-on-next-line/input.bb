do_compile()
{
    make
}
PV = 1
