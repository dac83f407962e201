/*
 * What a link to a login says: its parameters, and the place where it shall end. One that is taken
 * is a path, or at one of two origins, by a plainer reading of it as well.
 */

#include "worker/login_redirect.h"
#include "worker/login_url.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slice origins[] = { { "https://a.example", 17 }, { "http://[::1]:81", 15 } };

/* Behind the host: a port in digits, or nothing where the scheme's is meant. */
static bool
is_plainly_at(struct slice place, struct slice host, unsigned long port, bool is_default)
{
	unsigned long got = 0;
	bool given = false;

	if (place.n < host.n || !slice_ieq(slice_make(place.p, host.n), host))
		return false;
	place = slice_make(place.p + host.n, place.n - host.n);
	if (place.n > 0 && place.p[0] == ':')
		place = slice_make(place.p + 1, place.n - 1);
	for (; place.n > 0 && isdigit((unsigned char)*place.p) && got <= 65535;
	     place = slice_make(place.p + 1, place.n - 1)) {
		got = 10 * got + (unsigned long)(*place.p - '0');
		given = true;
	}
	return (given ? got == port : is_default) && (place.n == 0 || strchr("/?#", place.p[0]));
}

static void
check_place(struct slice place)
{
	if (!login_place_is_good(place, SLICE("/auth"), origins, 2))
		return;
	assert(place.n > 0 && place.n <= LOGIN_PLACE_MAX && !slice_has_control(place));
	assert(!memchr(place.p, '\\', place.n) && !memchr(place.p, ' ', place.n));
	if (place.p[0] == '/')
		assert(place.n == 1 || place.p[1] != '/');
	else
		assert(is_plainly_at(place, SLICE("https://a.example"), 443, true) ||
		       is_plainly_at(place, SLICE("http://[::1]"), 81, false));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_make((const char *)data, size), value;
	struct arena arena = { 0 };

	check_place(all);
	if (login_parameter(&arena, all, "a", &value) > 0) {
		assert(value.p && value.n <= all.n);
		check_place(value);
	} else {
		assert(!value.p);
	}
	arena_deinit(&arena);
	return 0;
}
