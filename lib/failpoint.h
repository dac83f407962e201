#pragma once

/*
 * failpoint: a named point at which a test ends the process that comes to it, as a kill or a loss
 * of power might. It is nothing but in the build of the tests, which has AddressSanitizer.
 */

void failpoint_reached(const char *name);

#ifdef __SANITIZE_ADDRESS__
#define FAILPOINT(name) failpoint_reached(name)
#else
#define FAILPOINT(name) ((void)0)
#endif
