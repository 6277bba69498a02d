#ifndef GREET_H
#define GREET_H
/* Returns a greeting that nobody may free. */
const char *greeting(void);
#endif
