#pragma once

/*
 * gateway: a master without processes, in a folder of its own.
 */

#include "others.h"

#include "lib/log.h"
#include "master/master.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURNS 6

static const char common[] =
    "workers: 1\n"
    "listeners: [{address: 'unix:%s/http.sock'}]\n"
    "run_dir: %s\n"
    "state_dir: %s\n"
    "health: {interval: 200ms}\n"
    "upstreams: {u: {endpoints: ['10.0.0.1:80']}}\n"
    "gate:\n"
    "  protect: [/api]\n"
    "  issuers:\n"
    "    corp: {issuer: 'http://10.0.0.3', discovery: 'http://10.0.0.3/d', allow_http: true}\n"
    "    other: {introspection: 'http://10.0.0.4/i', allow_http: true, client_id: a,\n"
    "            client_secret: b}\n"
    "login:\n"
    "  url: 'http://test'\n"
    "  providers:\n"
    "    id: {issuer: 'http://10.0.0.6', allow_http: true, client_id: y, client_secret: s,\n"
    "         authorization_endpoint: 'http://10.0.0.6/a', token_endpoint: 'http://10.0.0.6/t',\n"
    "         jwks_uri: 'http://10.0.0.6/k'}\n"
    "  redis: {address: '10.0.0.7:6379'}\n"
    "  session: {insecure_cookie: true}\n"
    "  cookie_keys: [cookie-key-of-at-least-32-bytes-x]\n"
    "  token_keys: [token-key-of-at-least-32-bytes-xx]\n"
    "tracing: {endpoint: 'http://10.0.0.5/v1/traces'}\n"
    "routes: [{path: /, upstream: u}]\n";

/* Where it is, by how the gateway is told. */
enum gateway_redis { REDIS_NONE, REDIS_HERE, REDIS_SENTINELS, REDIS_CLUSTER, REDIS_WAYS };

static const char *const redis[REDIS_WAYS] = {
	[REDIS_HERE] = "address: '10.0.0.2:6379'",
	[REDIS_SENTINELS] = "sentinel: {master: m, addresses: ['10.0.0.2:1', '10.0.0.8:1']}",
	[REDIS_CLUSTER] = "cluster: ['10.0.0.2:1', '10.0.0.8:1']",
};

static const char with_redis[] =
    "cascade: {enabled: true}\n"
    "suspension: {redis_keys: %s}\n"
    "statistics: {flush: redis}\n"
    "rates: {quota: {limit: 10/minute, scope: fleet, per: [identity]}}\n"
    "limits: {rates: [quota], rate_memory: 64k}\n";

static char folder[64];

/* In the place of the C library's: the master does by itself what it would have a child do, or
 * does without. */
pid_t
fork(void)
{
	errno = EAGAIN;
	return -1;
}

static inline void
folder_empty(void)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] != '.' || strcmp(e->d_name, ".lock") == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

static inline void
folder_remove(void)
{
	folder_empty();
	rmdir(folder);
}

static inline void
folder_make(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	/* Where writing through costs nothing, if there is such a place. */
	snprintf(folder, sizeof folder, "%s/yett-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert(mkdtemp(folder));
	atexit(folder_remove);
}

static inline void
folder_write(const char *name, struct slice bytes)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
	close(fd);
}

static inline struct config *
gateway_configure(enum gateway_redis where)
{
	BUF_CLEAN struct buf report = { 0 }, text = { 0 };
	struct config *c = NULL;
	char path[128];

	buf_addf(&text, common, folder, folder, folder);
	if (where != REDIS_NONE) {
		buf_addf(&text, "redis: {%s}\n", redis[where]);
		/* Those have no tag, so that a cluster has them anywhere. */
		buf_addf(&text, with_redis, where == REDIS_CLUSTER ? "false" : "true");
	}
	folder_write("yett.yaml", buf_slice(&text));
	snprintf(path, sizeof path, "%s/yett.yaml", folder);
	if (config_load(path, &c, &report) != 0)
		abort();
	return c;
}

static inline void
gateway_turn(struct master *m)
{
	for (int i = 0; i < TURNS; i++)
		uv_run(&m->loop, UV_RUN_NOWAIT);
}

static inline struct master *
gateway_begin(enum gateway_redis where)
{
	struct master *m = calloc(1, sizeof *m);

	others_begin();
	m->access_log = m->upgrade.image = m->upgrade.words = -1;
	m->systemd.fd = -1;
	m->config = gateway_configure(where);
	m->workdir.run_dir = folder;
	if (spawn_init(&m->spawn) < 0 || uv_loop_init(&m->loop) < 0 || master_open(m) < 0)
		abort();
	master_begin(m);
	gateway_turn(m);
	return m;
}

static inline void
gateway_end(struct master *m)
{
	static bool ended;

	master_end(m);
	if (m->access_log >= 0) /* of a reload */
		close(m->access_log);
	listeners_deinit(&m->listeners);
	spawn_deinit(&m->spawn);
	config_free(m->config);
	free(m);
	others_end();
	/* Its threads have something of libcrypto, which goes later, as it came before. */
	if (!ended)
		atexit(uv_library_shutdown);
	ended = true;
}
