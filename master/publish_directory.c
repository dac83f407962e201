/*
 * The upstreams that the next table is made of, and how long it waits for names that are new.
 */

#include "publish_own.h"

#include "compile_index.h"
#include "lookup.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>

void
publish_warn(char **last, struct buf *warnings)
{
	struct slice rest = buf_slice(warnings);

	buf_addc(warnings, '\0');
	if (*last && strcmp(*last, warnings->p) == 0)
		return;
	while (rest.p && rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (line.n && !(*last && memmem(*last, strlen(*last), line.p, line.n + 1)))
			log_warn("directory warning=\"%.*s\"", SLICE_F(line));
	}
	free(*last);
	*last = xstrdup(warnings->p);
}

static void
on_moved(void *userdata, const struct directory_upstream *u)
{
	struct publisher *p = userdata;

	base_move(&p->base, u);
	if (publish_awaits(p))
		base_move(&p->next, u);
}

/* Resolver and prober hear of new endpoints before the table that names them is compiled. */
void
publish_directory(struct master *m)
{
	struct publisher *p = &m->publisher;
	BUF_CLEAN struct buf warnings = { 0 };
	struct seek_servers sessions;
	struct directory *next;

	seek_servers(m->seek_sessions, &sessions);
	next = directory_build(m->config, m->rules, &sessions, &p->slots, &warnings);
	publish_warn(&p->warnings, &warnings);
	resolver_watch(m->resolver, next);
	prober_watch(m->prober, next, m->config, m->certificates);
	ejector_watch(m->ejector, next, clock_mono_ms());
	if (next->speaks_tls || (p->directory && p->directory->speaks_tls))
		p->pending |= PUBLISH_KEYS; /* others may need the files */
	if (p->directory) {
		directory_compare(p->directory, next, on_moved, p);
		directory_free(p->directory);
	}
	p->directory = next;
	p->directory_old = false;
	p->directory_new = true;
	p->upstreams = rules_upstreams(m->rules);
	p->pending |= PUBLISH_ENDPOINTS; /* the rules name upstreams by their index */
}

/* ---- new names ---- */

static bool
name_awaited(const struct master *m, const char *host)
{
	const struct resolved *addresses;
	uint64_t generation;
	bool settled;

	if (map_get(&m->publisher.names, slice_of(host)))
		return false;
	resolver_get(m->resolver, host, &addresses, &generation, &settled);
	return !settled;
}

bool
publish_names_awaited(const struct master *m)
{
	const struct directory *d = m->publisher.directory;

	if (resolver_settled(m->resolver))
		return false;
	for (size_t u = 0; u < d->upstreams_count; u++) {
		const struct directory_upstream *upstream = &d->upstreams[u];

		for (size_t e = 0; e < upstream->endpoints_count; e++) {
			const char *host = upstream->endpoints[e].address.host;

			if (host && name_awaited(m, host))
				return true;
		}
	}
	return false;
}

/* A name delays one table, the first that has it: what it resolves to later is a change of its own.
 */
void
publish_names_note(struct master *m)
{
	struct publisher *p = &m->publisher;
	const struct directory *d = p->directory;
	struct resolved literal;

	map_deinit(&p->names, NULL);
	for (size_t u = 0; u < d->upstreams_count; u++) {
		const struct directory_upstream *upstream = &d->upstreams[u];

		for (size_t e = 0; e < upstream->endpoints_count; e++) {
			const char *host = upstream->endpoints[e].address.host;

			if (host && !lookup_literal(slice_of(host), &literal))
				*map_put(&p->names, slice_of(host)) = p;
		}
	}
}
