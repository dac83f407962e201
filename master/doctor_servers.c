/*
 * doctor_servers: asks name servers for what the configuration names, Redis what it is, and
 * identity providers whether they are there: all at once, on a loop of its own, for two seconds at
 * most.
 */

#include "doctor_redis.h"

#include "config.h"
#include "doctor_providers.h"
#include "doctor_visit.h"
#include "resolve.h"
#include "upstream_tls.h"

#include "lib/clock.h"
#include "lib/map.h"
#include "lib/tls.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define PATIENCE_MS 2000
#define NAMES_MAX 64
#define CLOSING_TURNS 100

struct name {
	struct servers *of;
	const char *text;
	bool asked, resolves;
};

struct servers {
	struct doctor *doctor;
	uv_loop_t loop;
	uv_timer_t timer;
	struct resolver *resolver;
	size_t open; /* questions */
	struct name names[NAMES_MAX];
	size_t names_count;
	struct doctor_visit visits[2];
	size_t visits_count;
};

static void
close_one(struct servers *s)
{
	if (--s->open == 0)
		uv_stop(&s->loop);
}

static void
on_answered(void *userdata)
{
	close_one(userdata);
}

/* ---- names ---- */

static void
on_name(void *userdata, const struct resolved *a, size_t n)
{
	struct name *name = userdata;

	(void)a;
	name->resolves = n > 0;
	close_one(name->of);
}

static void
add_name(struct servers *s, struct map *seen, const char *host)
{
	uint8_t ip[16];
	void **place;

	if (!host || !*host || inet_pton(AF_INET, host, ip) == 1 ||
	    inet_pton(AF_INET6, host, ip) == 1 || s->names_count == NAMES_MAX)
		return;
	place = map_put(seen, slice_of(host));
	if (*place)
		return;
	*place = s;
	s->names[s->names_count++] = (struct name){ .of = s, .text = host };
}

static void
ask_names(struct servers *s)
{
	const struct config *c = s->doctor->config;
	struct map seen = MAP_INIT;

	for (size_t i = 0; i < c->upstreams_count; i++) {
		const struct config_upstream *u = &c->upstreams[i];

		for (size_t k = 0; k < u->endpoints_count; k++)
			add_name(s, &seen, u->endpoints[k].address.host);
	}
	for (size_t i = 0; i < c->gate.all_count; i++)
		add_name(s, &seen, c->gate.all[i].url.host);
	map_deinit(&seen, NULL);
	for (size_t i = 0; i < s->names_count; i++) {
		s->open++;
		resolver_once(s->resolver, s->names[i].text, on_name, &s->names[i]);
	}
}

static void
tell_names(const struct servers *s)
{
	struct doctor *d = s->doctor;
	size_t bad = 0;

	for (size_t i = 0; i < s->names_count; i++) {
		if (s->names[i].resolves)
			continue;
		bad++;
		doctor_tell(d, DOCTOR_PROBLEM, "names", "%s does not resolve", s->names[i].text);
		doctor_remedy(d, "getent ahosts %s; cat /etc/resolv.conf", s->names[i].text);
	}
	if (s->names_count == 0)
		doctor_tell(d, DOCTOR_OK, "names", "there are only addresses");
	else if (bad == 0)
		doctor_tell(d, DOCTOR_OK, "names", "all %zu resolve", s->names_count);
}

/* ---- Redis ---- */

static void
visit(struct servers *s, const struct doctor_visit *what)
{
	struct doctor_visit *v = &s->visits[s->visits_count];
	const struct json *found = s->doctor->status;

	if (what->seek->places_count > 0) {
		doctor_tell(s->doctor, DOCTOR_UNKNOWN, what->redis.check,
			    "which server it is sentinels or a cluster say");
		doctor_remedy(s->doctor, found ? "yett status -c %s" : "yett run -c %s",
			      s->doctor->file);
		return;
	}
	s->visits_count++;
	*v = *what;
	v->loop = &s->loop;
	v->dial.resolver = s->resolver;
	v->done = on_answered;
	v->userdata = s;
	v->tls =
	    what->secure ? upstream_tls_context(s->doctor->config->tls.loaded, what->files) : NULL;
	s->open++;
	doctor_visit_begin(v);
}

static void
ask_rules(struct servers *s)
{
	const struct config *c = s->doctor->config;
	const struct config_redis *r = &c->redis;
	struct doctor_visit what = { .redis = { .check = "redis",
						.where = r->address.text,
						.user = r->username,
						.secure = r->secure },
				     .address = &r->address,
				     .seek = &r->seek,
				     .secure = r->secure,
				     .files = &r->tls,
				     .password = &r->password,
				     .database = r->database,
				     .stream = c->cascade.stream,
				     .tries = { doctor_tries_rules } };
	size_t n = 1;

	if (c->statistics.flush)
		what.tries[n++] = doctor_tries_statistics;
	if (c->cascade.enabled)
		what.tries[n++] = doctor_tries_cascade;
	if (c->cascade.enabled && c->cascade.stream && *c->cascade.stream)
		what.tries[n++] = doctor_tries_stream;
	visit(s, &what);
}

static void
ask_redis(struct servers *s)
{
	const struct config *c = s->doctor->config;
	const struct config_sessions *l = &c->login.redis;

	if (c->redis.configured)
		ask_rules(s);
	if (c->login.configured)
		visit(s, &(struct doctor_visit){ .redis = { .check = "sessions",
							    .where = l->address.text,
							    .user = l->username,
							    .sessions = true,
							    .secure = l->secure },
						 .address = &l->address,
						 .seek = &l->seek,
						 .secure = l->secure,
						 .files = &l->tls,
						 .password = &l->password,
						 .database = l->database,
						 .tries = { doctor_tries_sessions } });
}

static void
tell_redis(struct servers *s)
{
	for (size_t i = 0; i < s->visits_count; i++) {
		struct doctor_visit *v = &s->visits[i];

		doctor_visit_tell(v, s->doctor, clock_wall());
		tls_context_unref(v->tls);
		doctor_visit_deinit(v);
	}
}

/* ---- all of it ---- */

static void
on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void
on_changed(void *userdata)
{
	(void)userdata; /* no name is watched */
}

static void
ask_all(struct servers *s)
{
	struct doctor_providers *providers;
	size_t asked;

	ask_names(s);
	ask_redis(s);
	providers =
	    doctor_providers_begin(&s->loop, s->resolver, s->doctor, on_answered, s, &asked);
	s->open += asked;
	uv_timer_start(&s->timer, on_time, PATIENCE_MS, 0);
	if (s->open > 0)
		uv_run(&s->loop, UV_RUN_DEFAULT);
	tell_names(s); /* what is still open is not answered */
	tell_redis(s);
	doctor_providers_end(providers, s->doctor);
}

void
doctor_servers(struct doctor *d)
{
	struct servers s = { .doctor = d };
	int r;

	if (!d->config)
		return;
	r = uv_loop_init(&s.loop);
	if (r == 0)
		r = resolver_new(&s.loop, on_changed, &s, &s.resolver);
	if (r < 0) {
		doctor_tell(d, DOCTOR_UNKNOWN, "names", "nothing can be asked: %s", strerror(-r));
		return;
	}
	uv_timer_init(&s.loop, &s.timer);
	if (resolver_servers(s.resolver, d->config->dns_servers) < 0)
		doctor_tell(d, DOCTOR_PROBLEM, "names", "dns.servers is not usable");
	ask_all(&s);
	uv_close((uv_handle_t *)&s.timer, NULL);
	resolver_free(s.resolver);
	for (int i = 0; i < CLOSING_TURNS && uv_loop_close(&s.loop) != 0; i++)
		uv_run(&s.loop, UV_RUN_NOWAIT);
}
