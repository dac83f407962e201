/*
 * start: the order in which the master comes up and goes down. Up to uv_run it may block; what
 * fails here ends the process with a reason and a remedy on stderr.
 */

#include "access_sink.h"
#include "exchange_workers.h"
#include "handed.h"
#include "kept.h"
#include "master.h"
#include "mistakes.h"
#include "reload.h"
#include "renewal.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS                                                                                \
	(1024 * 1024) /* more make no sense, and some container hosts allow a thousand times that  \
		       */
#define CLOSING_TURNS 100

/* Every connection takes two; nothing here or in the workers uses select. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn("descriptors error=\"the soft limit cannot be raised\"");
}

/* What needs root, if we have it, and the place where only one master may be. */
static int
open_places(struct master *m, struct handed *handed, struct buf *error)
{
	struct inherited *in = &m->inherited;
	int lock = m->handover.lock, r;

	m->handover.lock = -1;
	r = workdir_open(&m->workdir, m->config, lock, error);
	if (r < 0)
		return r;
	if (lock < 0 && takeover_ask(&m->takeover, m->config->run_dir, in) < 0)
		log_warn("takeover error=\"the workers of an earlier master do not answer\"");
	if (lock < 0)
		takeover_search(m->config->run_dir, in);
	r = kept_recover(m, handed, in, error);
	if (r == 0)
		r = listeners_open(&m->listeners, m->config, in, error);
	takeover_adopt(&m->takeover, in);
	inherited_deinit(in);
	if (r == 0)
		r = workdir_drop_root(m->config, error);
	if (r < 0)
		return r;
	m->access_log = access_sink_open(m->config, error);
	return m->access_log < 0 ? m->access_log : 0;
}

static void
close_places(struct master *m)
{
	listeners_deinit(&m->listeners);
	takeover_deinit(&m->takeover);
	workdir_close(&m->workdir);
	if (m->access_log >= 0)
		close(m->access_log);
}

static int
open_board(struct master *m)
{
	void *page;
	int r = board_create(sizeof *m->page, &page, &m->page_fd);

	if (r < 0)
		return r;
	m->page = page;
	m->page->magic = BOARD_MAGIC;
	m->page->layout = BOARD_LAYOUT;
	m->page->pid = (uint32_t)getpid();
	m->page->last_reload_ok = 1;
	m->page->configured_wall = m->page->started_wall = (uint64_t)clock_wall();
	takeover_seed(&m->takeover, m->page);
	if (m->takeover.rates.magic)
		rate_memory_inherit(&m->rates, &m->takeover.rates, m->takeover.rates_fd,
				    m->config->rate_memory);
	m->takeover.rates.magic = 0;
	return 0;
}

static void
close_board(struct master *m)
{
	if (!m->page)
		return;
	board_unmap(m->page, sizeof *m->page);
	close(m->page_fd);
}

int
master_open(struct master *m)
{
	int r = open_board(m);

	if (r == 0)
		r = supervisor_init(&m->supervisor, &m->loop, m->config->workers,
				    &master_supervisor_ops, m);
	if (r == 0)
		takeover_list(&m->takeover, &m->supervisor.kin);
	if (r == 0)
		r = master_watch(m);
	if (r == 0)
		r = resolver_new(&m->loop, master_names_changed, m, &m->resolver);
	if (r == 0)
		r = publish_init(m);
	if (r < 0)
		return r;
	r = renewal_init(m);
	if (r < 0)
		return r;
	m->publisher.version = m->page->version;
	m->fleet.count.messages = m->page->fleet_messages;
	m->rules = rules_new();
	m->issuers = issuers_new(&m->loop, m->resolver, &master_issuers_ops, m);
	m->introspector = introspect_new(&m->loop, m->resolver, &master_introspect_ops, m);
	m->exchanger = exchanger_new(&m->loop, m->resolver, &master_exchange_ops, m);
	m->prober = prober_new(&m->loop, m->page, m->resolver);
	m->ejector = ejector_new(m->page, m->resolver);
	store_seek(m);
	m->store = store_redis_new(&m->loop, m->resolver, m->seek, m->rules, &m->revisions.history,
				   &master_store_ops, m);
	roster_init(m);
	m->side = side_new(&m->loop, m->resolver, m->seek);
	m->cascade = cascade_new(m);
	m->tracer = tracer_new(m);
	r = suspensions_init(m);
	if (r < 0)
		return r;
	m->spawn.run_dir = m->workdir.run_dir;
	m->spawn.unconfined = !m->config->sandbox;
	m->supervisor.spawn = &m->spawn;
	m->supervisor.listeners = &m->listeners;
	m->supervisor.board = m->page;
	m->supervisor.board_fd = m->page_fd;
	m->supervisor.access_log = m->access_log;
	return 0;
}

void
master_begin(struct master *m)
{
	BUF_CLEAN struct buf why = { 0 };

	if (resolver_servers(m->resolver, m->config->dns_servers) < 0)
		log_warn("dns error=\"the servers are not usable\"");
	master_configure_workers(m);
	if (sticky_key_load(&m->sticky_key, m->config->state_dir, &why) < 0)
		log_warn("sticky_key error=\"%.*s\" note=\"sticky cookies are good until the next "
			 "start\"",
			 SLICE_F(why));
	renewal_begin(m);
	issuers_configure(m->issuers, m->config);
	introspect_configure(m->introspector, m->config);
	saver_load(m);
	store_open(m);
	store_configure(m);
	cascade_configure(m->cascade);
	suspensions_load(m);
	drains_load(m);
	maintenance_load(m);
	publish_mark(m, PUBLISH_ALL);
	log_info("master version=%s pid=%d file=%s workers=%u", YETT_VERSION, (int)getpid(),
		 m->config->file, m->config->workers);
}

/* Who asks for the end again gets it in order all the same. */
static void
deafen(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
}

void
master_end(struct master *m)
{
	store_close(m);
	explainer_deinit(&m->explainer); /* what it answers has the revision in force */
	roster_deinit(m);
	saver_finish(m);
	issuers_free(m->issuers);
	introspect_free(m->introspector);
	exchanger_free(m->exchanger);
	prober_free(m->prober);
	ejector_free(m->ejector);
	cascade_stop(m->cascade);
	side_free(m->side);
	suspensions_deinit(m);
	drains_deinit(&m->drains);
	cascade_free(m->cascade);
	tracer_free(m->tracer);
	fleet_deinit(&m->fleet);
	store_redis_free(m->store);
	store_seek_end(m);
	resolver_free(m->resolver);
	revisions_deinit(m);
	rules_free(m->rules);
	renewal_end(m);
	publish_deinit(m);
	supervisor_deinit(&m->supervisor);
	uv_close((uv_handle_t *)&m->tick, NULL);
	deafen();
	for (int i = 0; i < MASTER_SIGNALS; i++)
		uv_close((uv_handle_t *)&m->signals[i], NULL);
	for (int i = 0; i < CLOSING_TURNS && uv_loop_close(&m->loop) != 0; i++)
		uv_run(&m->loop, UV_RUN_NOWAIT);
	close_board(m);
	rate_memory_deinit(&m->rates);
	free(m->last_reload.error);
}

/* 0, or the exit status with the reason told. */
static int
start(struct master *m, const char *file)
{
	BUF_CLEAN struct buf report = { 0 };
	struct handed handed;
	int r;

	handed_take(&handed);
	r = config_load(file, &m->config, &report);

	if (r == 0) {
		log_set_level((enum log_level)m->config->log_level);
		if (open_places(m, &handed, &report) < 0) {
			close_places(m);
			config_free(m->config);
			r = 1;
		}
	}
	handed_deinit(&handed);
	if (report.n > 0) {
		log_text(r == 0 ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, buf_slice(&report));
		buf_addc(&report, '\0');
		systemd_status(&m->systemd, mistakes_first(report.p).p);
	}
	return r;
}

/* What the image before us left, if there was one. */
static void
take_over_image(struct master *m)
{
	struct handover *h = &m->handover;
	int r = handover_take(h, getpid(), &m->takeover, &m->inherited);

	if (r < 0)
		log_warn("upgrade error=\"what was handed over is not understood\"");
	if (r != 0)
		return;
	FAILPOINT("upgrade-executed");
	prctl(PR_SET_NAME, "yett"); /* it is named after a descriptor */
	if (h->systemd >= 0)
		systemd_inherit(&m->systemd, h->systemd, h->watchdog_ms);
	h->systemd = -1;
	/* By now that path may lead to yet another file, and what runs have none. */
	if (h->image)
		snprintf(m->spawn.path, sizeof m->spawn.path, "%s", h->image);
	m->upgrade.count = h->upgrades;
	log_info("upgrade state=executed count=%llu sockets=%zu workers=%zu",
		 (unsigned long long)h->upgrades, m->inherited.count, m->takeover.old_count);
}

int
master_main(char **argv, const char *file)
{
	struct master *m = xcalloc(1, sizeof *m);
	int r;

	m->started_ms = clock_mono_ms();
	m->argv = argv;
	m->access_log = -1;
	m->upgrade.image = m->upgrade.words = -1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log that may not grow any more loses lines, and no process */
	log_setup("master", LOG_LEVEL_INFO);
	umask(027);
	systemd_init(&m->systemd);
	r = spawn_init(&m->spawn); /* before root is dropped: after it /proc/self is closed to us */
	if (r == 0)
		take_over_image(m);
	if (r < 0) {
		log_error("start error=\"cannot open own image: %s\"", strerror(-r));
		free(m);
		return 1;
	}
	r = start(m, file);
	handover_deinit(&m->handover);
	if (r != 0) {
		spawn_deinit(&m->spawn);
		systemd_deinit(&m->systemd);
		free(m);
		return r;
	}
	raise_descriptors();
	r = uv_loop_init(&m->loop);
	if (r == 0)
		r = master_open(m);
	if (r < 0) {
		/* The system is out of something; what lies about is given back by exit. */
		log_error("start error=\"%s\"", strerror(-r));
		close_places(m);
		return 1;
	}
	master_begin(m);
	uv_run(&m->loop, UV_RUN_DEFAULT);
	master_end(m);
	close_places(m);
	spawn_deinit(&m->spawn);
	systemd_deinit(&m->systemd);
	log_info("master pid=%d state=ended", (int)getpid());
	config_free(m->config);
	free(m);
	return 0;
}
