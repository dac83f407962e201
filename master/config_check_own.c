#include "config_check.h"

#include "own.h"

static void
check_endpoint(struct config_reader *r, const struct own *own, const struct config_endpoint *e,
	       const char *key)
{
	if (e->address.text && own_is(own, &e->address))
		mistakes_add(&r->mistakes, false, e->place.line, key,
			     "%s is a listener of this gateway, so that requests would go round in "
			     "circles; name the service itself, or change the listener",
			     e->address.text);
}

void
config_check_own(struct config_reader *r)
{
	const struct config *c = r->c;
	struct own *own = own_new(c);

	for (size_t i = 0; i < c->upstreams_count; i++) {
		const struct config_upstream *u = &c->upstreams[i];

		for (size_t k = 0; u->name && k < u->endpoints_count; k++) {
			struct buf BUF_CLEAN key = { 0 };

			buf_addf(&key, "upstreams.%s.endpoints[%zu]", u->name, k);
			buf_addc(&key, '\0');
			check_endpoint(r, own, &u->endpoints[k], key.p);
		}
	}
	for (size_t i = 0; i < c->routes_count; i++) {
		struct config_endpoint target = c->routes[i].target;
		struct buf BUF_CLEAN key = { 0 };

		buf_addf(&key, "routes[%zu].target", i);
		buf_addc(&key, '\0');
		target.place = c->routes[i].place;
		check_endpoint(r, own, &target, key.p);
	}
	own_free(own);
}
