#include "reload.h"

#include "access.h"
#include "access_sink.h"
#include "master.h"
#include "mistakes.h"
#include "renewal.h"
#include "statistics.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
master_configure_workers(struct master *m)
{
	const struct config *c = m->config;
	const struct supervisor_settings settings = {
		.log_level = c->log_level,
		.orphan_grace_ms = c->orphan_grace,
		.drain_ms = c->drain,
		.handover_ms = c->handover,
		.fd_reserve = c->fd_reserve,
		.max_connections = c->max_connections,
		.max_per_address = c->max_per_address,
		.replay_keys = c->replay_keys,
		.identities = c->statistics.identities,
		.hang_ms = c->hang,
		.version = YETT_VERSION,
	};

	supervisor_configure(&m->supervisor, &settings);
}

/* Everything that can go wrong, before anything changes. */
static int
prepare(struct master *m, struct config **next, int *access_log, struct buf *report)
{
	int r = config_load_over(m->config->file, m->certificates, next, report);

	if (r != 0) {
		*next = NULL;
		return 1;
	}
	if (config_restart_needed(m->config, *next, report) > 0)
		return 1;
	if (publish_check(m, *next, report) < 0)
		return 1;
	*access_log = access_sink_open(*next, report);
	return *access_log < 0;
}

static void
swap(struct master *m, struct config *next, int access_log)
{
	struct config *before = m->config;
	int sink = m->access_log;

	m->config = next;
	log_set_level((enum log_level)next->log_level);
	if (resolver_servers(m->resolver, next->dns_servers) < 0)
		log_warn("dns error=\"the new servers are not usable\"");
	renewal_reconfigured(m);
	issuers_configure(m->issuers, next);
	introspect_configure(m->introspector, next);
	store_reconfigured(m, before->redis.configured);
	publish_reconfigured(m);
	statistics_reconfigured(m);
	maintenance_apply(m);
	suspensions_reconfigured(m);
	fleet_reconfigured(m);
	master_configure_workers(m);
	access_changed(m);
	m->access_log = access_log;
	supervisor_reopen(&m->supervisor, access_log);
	close(sink);
	config_free(before);
}

static void
note(struct master *m, const struct buf *report, bool ok)
{
	struct slice rest = buf_slice(report);

	while (rest.p && rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (line.n)
			log_at(ok ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "reload %.*s", SLICE_F(line));
	}
	free(m->last_reload.error);
	m->last_reload.error = ok ? xstrdup("") : xstrndup(report->n ? report->p : "", report->n);
	m->last_reload.ok = ok;
	m->last_reload.wall = clock_wall();
	board_add(ok ? &m->page->reloads_ok : &m->page->reloads_failed, 1);
	board_set(&m->page->last_reload_ok, (uint64_t)ok);
	if (ok)
		board_set(&m->page->configured_wall, (uint64_t)m->last_reload.wall);
}

static void
tell_manager(struct master *m, bool ok)
{
	BUF_CLEAN struct buf status = { 0 };

	buf_adds(&status, SLICE("serving"));
	if (!ok)
		buf_addf(&status, "; the last reload was refused: %.*s",
			 SLICE_F(mistakes_first(m->last_reload.error)));
	buf_addc(&status, '\0');
	systemd_ready(&m->systemd, status.p);
}

int
master_reload(struct master *m, struct buf *report)
{
	struct config *next = NULL;
	int access_log = -1;
	bool ok;

	if (m->phase == MASTER_DRAINING || m->phase == MASTER_ENDED) {
		buf_adds(report, SLICE("the gateway is shutting down\n"));
		return 1;
	}
	systemd_reloading(&m->systemd);
	ok = prepare(m, &next, &access_log, report) == 0;
	note(m, report, ok);
	if (ok) {
		swap(m, next, access_log);
		log_info("reload ok=true");
	} else {
		log_error("reload ok=false effect=\"the configuration of before stays in force\"");
		if (next)
			config_free(next);
	}
	if (m->phase == MASTER_SERVING)
		tell_manager(m, ok);
	return !ok;
}

void
master_reopen(struct master *m)
{
	struct buf BUF_CLEAN error = { 0 };
	int before = m->access_log, next = access_sink_open(m->config, &error);

	if (next < 0) {
		buf_addc(&error, '\0');
		log_error("reopen ok=false effect=\"the access log goes on where it went\" "
			  "error=\"%.*s\"",
			  SLICE_F(mistakes_first(error.p)));
		return;
	}
	m->access_log = next;
	supervisor_reopen(&m->supervisor, next);
	close(before);
}
