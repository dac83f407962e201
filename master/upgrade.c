#include "upgrade.h"

#include "handover.h"
#include "master.h"
#include "store_disk.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "shm/message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SETTLE_MS 30000 /* for what must not be cut off */
#define CALLS_MS 2000   /* for operators who wait for something */
#define BUILD_MS 20000  /* for rules that are being compiled: else the new image begins anew */

static const char *const state_name[] = {
	[UPGRADE_NONE] = "none",
	[UPGRADE_TRYING] = "trying",
	[UPGRADE_SETTLING] = "settling",
};

/* ---- its end ---- */

static void
upgrade_end(struct upgrade *u)
{
	upgrade_try_end(u);
	close(u->image);
	u->image = -1;
	buf_deinit(&u->said);
	u->state = UPGRADE_NONE;
}

void
upgrade_refuse(struct upgrade *u, const char *fmt, ...)
{
	char quoted[sizeof u->error + 64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(u->error, sizeof u->error, fmt, args);
	va_end(args);
	log_error("upgrade state=refused error=\"%s\" effect=\"the running image serves on\"",
		  log_words(slice_of(u->error), quoted, sizeof quoted));
	upgrade_end(u);
}

/* ---- its beginning ---- */

/* Are the rules in force to be had from here alone? */
static bool
are_rules_unsaved(const struct master *m)
{
	return !store_redis_is_up(m->store) && saver_owes(m);
}

const char *
upgrade_begin(struct master *m)
{
	struct upgrade *u = &m->upgrade;
	const char *why = NULL;
	int r;

	if (u->state != UPGRADE_NONE)
		why = "another upgrade is under way";
	else if (m->phase != MASTER_SERVING || m->leaving_ms)
		why = "the gateway is starting or ending";
	else if (m->saver.rules_failed && are_rules_unsaved(m))
		why = "Redis does not answer, and the rules in force cannot be saved: they would "
		      "be lost";
	if (why) {
		log_error("upgrade state=refused error=\"%s\"", why);
		return why;
	}
	u->tried++;
	u->state = UPGRADE_TRYING;
	u->error[0] = u->version[0] = '\0';
	u->words = -1;
	u->until_ms = clock_mono_ms() + m->config->preflight;
	log_info("upgrade state=trying image=\"%s\"", m->spawn.path);
	u->image = open(m->spawn.path, O_PATH | O_CLOEXEC);
	if (u->image < 0) {
		upgrade_refuse(u, "%s: %s", m->spawn.path, strerror(errno));
		return NULL;
	}
	r = upgrade_try_begin(m);
	if (r < 0)
		upgrade_refuse(u, "the new image cannot be tried: %s", strerror(-r));
	return NULL;
}

/* ---- going ---- */

void
upgrade_settle(struct upgrade *u)
{
	log_info("upgrade state=settling version=%s", u->version);
	u->state = UPGRADE_SETTLING;
	FAILPOINT("upgrade-settling");
	u->until_ms = clock_mono_ms() + SETTLE_MS;
}

/* What must not be cut off. */
static bool
is_busy(const struct master *m)
{
	return m->saver.child || m->writes.current || !list_empty(&m->writes.queue) ||
	       (m->suspensions.disk && store_disk_is_busy(m->suspensions.disk)) ||
	       exchanger_until(m->exchanger) > clock_mono_ms() || are_rules_unsaved(m);
}

static void
block_signals(bool block)
{
	static const int signals[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* Does not return if all goes well. Signals wait until the new image listens to them: they would
 * end it. */
static void
upgrade_exec(struct master *m)
{
	struct upgrade *u = &m->upgrade;
	struct handover_offer offer;
	int r;

	builder_stop(&m->aside);
	builder_stop(&m->publisher.builder);
	r = handover_offer(m, &offer);
	if (r < 0) {
		upgrade_refuse(u, "nothing can be handed over: %s", strerror(-r));
		return;
	}
	log_info("upgrade state=executing version=%s", u->version);
	for (uint32_t i = 0; i < m->supervisor.slots_count; i++)
		supervisor_send(&m->supervisor.slots[i], MSG_HANDOVER, NULL, 0, -1);
	handover_name(&offer);
	block_signals(true);
	handover_keep(&offer, true);
	systemd_feed(&m->systemd, clock_mono_ms()); /* all of its time is the new image's */
	FAILPOINT("upgrade-executing");
	execveat(u->image, "", m->argv, environ, AT_EMPTY_PATH);
	r = errno;
	handover_keep(&offer, false);
	block_signals(false);
	handover_offer_deinit(&offer);
	upgrade_refuse(u, "the new image cannot be executed: %s", strerror(r));
	publish_mark(m, PUBLISH_ALL); /* what was being built */
}

void
upgrade_listens(void)
{
	block_signals(false);
}

static void
settle_tick(struct master *m, uint64_t now_ms)
{
	struct upgrade *u = &m->upgrade;
	uint64_t waited = now_ms + SETTLE_MS - u->until_ms, waits;

	if (is_busy(m)) {
		if (now_ms > u->until_ms)
			upgrade_refuse(u,
				       "rules are being compiled or stored, or providers asked, "
				       "for longer than %u s",
				       SETTLE_MS / 1000);
		return;
	}
	waits = m->calls > 0 ? CALLS_MS : 0;
	if (m->publisher.builder.now || m->aside.now)
		waits = BUILD_MS;
	if (waited >= waits)
		upgrade_exec(m);
}

void
upgrade_tick(struct master *m, uint64_t now_ms)
{
	switch (m->upgrade.state) {
	case UPGRADE_NONE:
		break;
	case UPGRADE_TRYING:
		upgrade_try_tick(&m->upgrade, now_ms);
		break;
	case UPGRADE_SETTLING:
		settle_tick(m, now_ms);
		break;
	}
}

void
upgrade_stop(struct master *m)
{
	if (m->upgrade.state != UPGRADE_NONE)
		upgrade_refuse(&m->upgrade, "the gateway is ending");
}

void
upgrade_write(const struct master *m, struct buf *out)
{
	const struct upgrade *u = &m->upgrade;

	buf_addf(out, "{\"count\":%llu,\"tried\":%llu,\"state\":\"%s\",\"image\":",
		 (unsigned long long)u->count, (unsigned long long)u->tried, state_name[u->state]);
	buf_add_json(out, slice_of(m->spawn.path));
	buf_adds(out, SLICE(",\"error\":"));
	buf_add_json(out, slice_of(u->error));
	buf_addc(out, '}');
}
