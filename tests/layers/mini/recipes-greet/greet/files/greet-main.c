#include <greet.h>
#include <stdio.h>

int main(void)
{
    printf("%s", greeting());
    return 0;
}
