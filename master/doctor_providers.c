#include "doctor_providers.h"

#include "config.h"
#include "fetch.h"
#include "upstream_tls.h"

#include "lib/clock.h"
#include "lib/jwks.h"
#include "lib/tls.h"
#include "lib/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 2000
#define APART_S 2 /* a question may take as long */

struct provider {
	struct doctor_providers *of;
	const struct config_issuer *config;
	struct fetch *fetch; /* under way */
	int status;
	int64_t date, now; /* of the answer, and ours then */
	char why[256];
};

struct doctor_providers {
	struct provider *all;
	size_t count;
	void (*done)(void *userdata);
	void *userdata;
};

static void
on_answer(void *userdata, const char *why, struct slice body)
{
	struct provider *p = userdata;

	(void)body;
	p->status = fetch_status(p->fetch);
	p->date = fetch_date(p->fetch);
	p->now = clock_wall();
	p->fetch = NULL;
	snprintf(p->why, sizeof p->why, "%s", why ? why : "");
	p->of->done(p->of->userdata);
}

static void
ask(struct provider *p, uv_loop_t *loop, struct resolver *resolver, const struct config *c)
{
	const struct config_issuer *i = p->config;
	struct tls_context *tls =
	    i->url.https ? upstream_tls_context(c->tls.loaded, &i->tls) : NULL;

	p->fetch = fetch_start(loop, resolver,
			       &(struct fetch_request){
				   .url = &i->url,
				   .tls = tls,
				   .server_name = i->tls.server_name,
				   .body_max = JWKS_BYTES_MAX,
				   .timeout_ms = PATIENCE_MS,
				   .any = true,
			       },
			       on_answer, p);
	tls_context_unref(tls);
}

struct doctor_providers *
doctor_providers_begin(uv_loop_t *loop, struct resolver *resolver, const struct doctor *d,
		       void (*done)(void *userdata), void *userdata, size_t *asked)
{
	const struct config_gate *g = &d->config->gate;
	struct doctor_providers *p = xcalloc(1, sizeof *p);

	p->all = xcalloc(g->all_count + 1, sizeof *p->all);
	p->done = done;
	p->userdata = userdata;
	for (size_t i = 0; i < g->all_count; i++) {
		if (!g->all[i].url.host || !*g->all[i].url.host) /* its keys are in a file */
			continue;
		p->all[p->count] = (struct provider){ .of = p, .config = &g->all[i] };
		ask(&p->all[p->count++], loop, resolver, d->config);
	}
	*asked = p->count;
	return p;
}

static const char *
name_of(const struct config_issuer *i)
{
	return i->name && *i->name ? i->name : i->url.authority;
}

static void
judge_clock(const struct provider *p, struct doctor *d)
{
	int64_t apart = p->date > p->now ? p->date - p->now : p->now - p->date;
	int64_t leeway = p->config->leeway_s;

	if (p->date == 0 || apart <= APART_S)
		return;
	doctor_tell(d, apart > leeway ? DOCTOR_PROBLEM : DOCTOR_WARNING, "clock",
		    "this machine's is %" PRId64 " s %s that of provider %s; its tokens are given "
		    "%" PRId64 " (gate.leeway)",
		    apart, p->now > p->date ? "ahead of" : "behind", name_of(p->config), leeway);
	doctor_remedy(d, "timedatectl set-ntp true # on both");
}

static void
tell(const struct provider *p, struct doctor *d)
{
	const struct config_url *url = &p->config->url;
	char answered[32];
	const char *why = p->fetch ? "no answer within two seconds" : p->why;

	if (!*why && p->status != 200) {
		snprintf(answered, sizeof answered, "it answers %d", p->status);
		why = answered;
	}
	if (*why) {
		doctor_tell(d, DOCTOR_PROBLEM, "provider", "%s does not say its keys: %s",
			    name_of(p->config), why);
		doctor_remedy(d, "curl -v %s://%s%s", url->https ? "https" : "http", url->authority,
			      url->path);
	} else {
		doctor_tell(d, DOCTOR_OK, "provider", "%s answers", name_of(p->config));
	}
	if (!p->fetch)
		judge_clock(p, d);
}

void
doctor_providers_end(struct doctor_providers *p, struct doctor *d)
{
	for (size_t i = 0; i < p->count; i++) {
		tell(&p->all[i], d);
		if (p->all[i].fetch)
			fetch_cancel(p->all[i].fetch);
	}
	free(p->all);
	free(p);
}
