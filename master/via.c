#include "via.h"

#include "lib/clock.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

const char *
via_pseudonym(void)
{
	static char name[sizeof "yett-01234567"];
	uint32_t random;

	if (name[0])
		return name;
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = (uint32_t)clock_mono_ns();
	snprintf(name, sizeof name, "yett-%08x", random);
	return name;
}
