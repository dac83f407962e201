#pragma once

/*
 * login_redirect: where a login or a logout may end. Whoever makes a link chooses the place, so
 * that nothing is followed which any browser could take for another site (RFC 9700 section 4.11):
 * a path of our own origin, or a URL at an origin that is listed.
 */

#include "lib/slice.h"

struct segment;

#define LOGIN_PLACE_MAX 4096 /* bytes */

/* `origins`: "https://a.example:8443", any of which a URL may be at; `base`: a path below which are
 * the endpoints of login, where it must not end. */
bool login_place_is_good(struct slice place, struct slice base, const struct slice *origins,
			 size_t count);
/* `place` where it is good by the table, else its home. */
struct slice login_redirect(const struct segment *rules, struct slice place);
/* Is this (a value of Origin) ours, or one of those that a login may end at? */
bool login_origin_is_known(const struct segment *rules, struct slice origin);
