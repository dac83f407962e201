#pragma once

/*
 * world: what a worker has around it: a table that is compiled of a configuration, rows and pages,
 * as a master would hand them out.
 */

#include "master/certificates.h"
#include "master/compile.h"
#include "master/issuers_own.h"
#include "master/resolve.h"
#include "master/tickets.h"
#include "worker/worker.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char configuration[] =
    "workers: 1\n"
    "health: {enabled: false}\n"
    "listeners: [{address: unix:/run/fuzz.sock}]\n"
    "trusted_proxies: [0.0.0.0/0]\n"
    "upstreams:\n"
    "  u: {endpoints: ['10.0.0.1:80', '10.0.0.6:80']}\n"
    "  store: {endpoints: ['http://10.0.0.2/base']}\n"
    "gate:\n"
    "  protect: [/api, /in]\n"
    "  claims: {sub: X-User}\n"
    "  issuers:\n"
    "    corp: {introspection: 'http://10.0.0.4/i', allow_http: true, client_id: a, client_secret: "
    "b}\n"
    "login:\n"
    "  url: 'http://test'\n"
    "  providers:\n"
    "    id: {issuer: 'https://id.example', client_id: yett, client_secret: s,\n"
    "         authorization_endpoint: 'https://id.example/a', token_endpoint: "
    "'https://id.example/t',\n"
    "         jwks_uri: 'https://id.example/k'}\n"
    "  redis: {address: '10.0.0.5:6379'}\n"
    "  session: {cookie: yett-session, insecure_cookie: true}\n"
    "  cookie_keys: [cookie-key-of-at-least-32-bytes-x]\n"
    "  token_keys: [token-key-of-at-least-32-bytes-xx]\n"
    "limits: {rates: [1000/minute]}\n"
    "routes:\n"
    "  - {path: /, upstream: u}\n"
    "  - {path: /api, upstream: u, auth: required, credentials: [{header: X-Token, value: "
    "access_token, provider: id}]}\n"
    "  - {path: /in, upstream: u}\n"
    "  - {path: /moved, redirect_store: {upstream: store, source: 'https://old.example$rest'}}\n";

/* What comes along with a message. */
enum along {
	NOTHING,
	TEXT, /* a memfd of its own */
	RULES,
	ENDPOINTS,
	KEYS,
	PAGE,
	MASTER_PAGE,
	SUSPENDED,
	RATES,
	LEASES,
	LISTENER,
	OTHER,
	ALONG
};

static struct {
	int along[ALONG];
	struct rate_table rates;
	struct lease_table leases;
	struct suspended suspended;
} world;

static inline struct config *
world_configure(void)
{
	BUF_CLEAN struct buf report = { 0 };
	struct config *c = NULL;
	int fd = memfd_create("yett.yaml", MFD_CLOEXEC);
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fchmod(fd, 0600) < 0 || write(fd, configuration, sizeof configuration - 1) < 0 ||
	    config_load(path, &c, &report) != 0)
		abort();
	close(fd);
	return c;
}

static inline void
world_on_names(void *userdata)
{
}

/* Of the provider, whose private key is the number of the tokens in the corpus. */
static const char provider_key[] =
    "{\"issuers\":[{\"id\":\"%016llx\",\"name\":\"id\",\"fetched\":1000,"
    "\"keys\":[{\"kid\":\"a\",\"algorithms\":[\"ES256\"],\"pem\":\""
    "-----BEGIN PUBLIC KEY-----\\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+evkZBR8wQLZIyTQmdknwaUOQtV6\\n"
    "CKEW/+wKKYGdjGVwuvfRKIiQKmoMHWet0QMSPIWatpv46UMck4STDUt+7g==\\n"
    "-----END PUBLIC KEY-----\\n"
    "\"}]}]}";

static inline void
world_keys(const struct config *c, struct issuers *is, struct issuer *one, struct issuer **place)
{
	BUF_CLEAN struct buf text = { 0 };

	for (size_t i = 0; i < c->gate.all_count; i++) {
		if (strcmp(c->gate.all[i].iss, "https://id.example") == 0)
			one->config = &c->gate.all[i];
	}
	one->of = is;
	one->id = issuers_id(one->config);
	*place = one;
	*is = (struct issuers){ .all = place, .count = 1 };
	buf_addf(&text, provider_key, (unsigned long long)one->id);
	if (issuers_remember(is, buf_slice(&text)) < 0 || !one->known)
		abort();
}

static inline void
world_compile(void)
{
	struct issuers issuers;
	struct issuer provider = { 0 }, *place;
	struct directory_slots slots = { slots_new(99), slots_new(99), slots_new(99), slots_new(99),
					 slots_new(99) };
	BUF_CLEAN struct buf warnings = { 0 };
	struct config *c = world_configure();
	struct certificates *files = certificates_load(c, NULL);
	struct directory *d = directory_build(c, NULL, NULL, &slots, &warnings);
	struct segment *s[SEGMENT_N];
	struct compile_report *report;
	struct resolver *resolver;
	uv_loop_t loop;

	world_keys(c, &issuers, &provider, &place);
	if (uv_loop_init(&loop) < 0 || resolver_new(&loop, world_on_names, NULL, &resolver) < 0 ||
	    compile_rules(c, NULL, true, d, &slots, &issuers, 1, true, &s[SEGMENT_RULES], &report) <
		0 ||
	    compile_endpoints(c, d, resolver, files, SLICE("key"), 1, &s[SEGMENT_ENDPOINTS],
			      &warnings) < 0 ||
	    compile_keys(c, NULL, d, NULL, files, &(struct tickets){ 0 }, &issuers, 1,
			 &s[SEGMENT_KEYS]) < 0)
		abort();
	for (int kind = 0; kind < SEGMENT_N; kind++) {
		world.along[RULES + kind] = dup(s[kind]->fd);
		seg_unref(s[kind]);
	}
	issuer_set_deinit(&provider.set);
	compile_report_free(report);
	resolver_free(resolver);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	directory_free(d);
	certificates_free(files);
	slots_free(slots.upstreams);
	slots_free(slots.endpoints);
	slots_free(slots.routes);
	slots_free(slots.limits);
	slots_free(slots.seen_upstreams);
	config_free(c);
}

static inline void
world_make(void)
{
	const uint8_t secret[SIPHASH_SECRET] = { 1 };
	const struct sockaddr any = { .sa_family = AF_UNIX };
	void *page;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	world_compile();
	world.along[NOTHING] = world.along[TEXT] = -1;
	world.along[OTHER] = open("/dev/null", O_RDWR | O_CLOEXEC);
	world.along[LISTENER] = listener;
	if (board_create(sizeof(struct board_worker), &page, &world.along[PAGE]) < 0 ||
	    board_create(sizeof(struct board_master), &page, &world.along[MASTER_PAGE]) < 0 ||
	    suspended_create(10, &world.suspended, &world.along[SUSPENDED]) < 0 ||
	    rate_create(4, secret, &world.rates, &world.along[RATES]) < 0 ||
	    lease_create(1, secret, &world.leases, &world.along[LEASES]) < 0 ||
	    bind(listener, &any, sizeof any.sa_family) < 0 || listen(listener, 8) < 0)
		abort();
}
