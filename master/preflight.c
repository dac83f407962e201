/*
 * preflight: the new image in the role of a child of the old one (upgrade.h), before it takes its
 * place. It is handed what it would take over, and lets it go. All that a start could die of is
 * tried: what is past this trial and dies leaves a gateway without a master. It changes nothing,
 * takes no connection, asks nobody.
 */

#include "access_sink.h"
#include "certificates.h"
#include "compile.h"
#include "handover.h"
#include "history.h"
#include "history.h"
#include "master.h"
#include "rules_text.h"
#include "store_file.h"

#include "lib/failpoint.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RULES_MAX ((off_t)64 << 20) /* of more the check would take long, and is left out */

/* What Redis said last, as far as it can be read; what is behind them (rules.json.more) is left.
 * -EBADMSG: it is damaged. */
static int
rules_of_redis(const struct config *c, struct rules *rules)
{
	BUF_CLEAN struct buf path = { 0 };
	struct rules_reader *reader;
	struct stat st;
	int fd, r = 1;

	buf_addf(&path, "%s/rules.json", c->state_dir);
	buf_addc(&path, '\0');
	fd = open(path.p, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_size > RULES_MAX) {
		close(fd);
		return 0;
	}
	reader = rules_reader_new(rules, fd, SLICE(""), false);
	while (r > 0)
		r = rules_reader_go(reader, 10000);
	revision_free(rules_reader_revision(reader));
	rules_reader_free(reader);
	return r;
}

/* The running one has rules that are to be had from nowhere but state_dir: without them its clients
 * would get 503. */
static int
rules_read(const struct config *c, const struct handover *h, struct rules *rules)
{
	enum handover_rules needed =
	    c->redis.configured ? HANDOVER_RULES_COPY : HANDOVER_RULES_FILE;
	int r =
	    c->redis.configured ? rules_of_redis(c, rules) : store_file_look(c->state_dir, rules);

	/* The copy of what Redis will say again is needed by nobody, and a store may be new. */
	if (r == 0 || (h->rules != needed && (c->redis.configured || r == -ENOENT)))
		return 0;
	printf("%s/%s: %s%s%s\n", c->state_dir,
	       c->redis.configured ? "rules.json" : STORE_FILE_NAME,
	       r == -EBADMSG ? "it is damaged" : strerror(-r),
	       h->rules == needed ? ": the rules in force would be lost" : "",
	       c->redis.configured ? ", as Redis does not answer" : "");
	return r;
}

static int
compile_all(const struct config *c, const struct rules *rules, const struct resolver *resolver,
	    struct directory_slots *slots)
{
	static const char no_key[STICKY_KEY_SIZE];
	static const struct tickets no_tickets;
	BUF_CLEAN struct buf warnings = { 0 };
	struct directory *d = directory_build(c, rules, NULL, slots, &warnings);
	struct segment *segments[SEGMENT_N] = { NULL };
	struct compile_report *report = NULL;
	int r = compile_rules(c, rules, true, d, slots, NULL, 1, false, &segments[SEGMENT_RULES],
			      &report);

	if (r == 0)
		r = compile_endpoints(c, d, resolver, c->tls.loaded,
				      slice_make(no_key, sizeof no_key), 1,
				      &segments[SEGMENT_ENDPOINTS], &warnings);
	if (r == 0)
		r = compile_keys(c, rules, d, NULL, c->tls.loaded, &no_tickets, NULL, 1,
				 &segments[SEGMENT_KEYS]);
	for (int i = 0; i < SEGMENT_N; i++)
		seg_unref(segments[i]);
	compile_report_free(report);
	directory_free(d);
	return r;
}

static void
on_names(void *userdata)
{
	(void)userdata;
}

static int
try_compile(const struct config *c, const struct rules *rules)
{
	struct directory_slots slots = { slots_new(BOARD_ENDPOINTS), slots_new(BOARD_ENDPOINTS),
					 slots_new(BOARD_ROUTES), slots_new(BOARD_LIMITS),
					 slots_new(BOARD_UPSTREAMS) };
	struct resolver *resolver;
	uv_loop_t loop;
	int r = uv_loop_init(&loop);

	if (r == 0) {
		r = resolver_new(&loop, on_names, NULL, &resolver);
		if (r == 0) {
			r = compile_all(c, rules, resolver, &slots);
			resolver_free(resolver);
		}
		uv_run(&loop, UV_RUN_DEFAULT);
		uv_loop_close(&loop);
	}
	if (r < 0)
		printf("%s: the table cannot be compiled: %s\n", c->file, strerror(-r));
	slots_free(slots.upstreams);
	slots_free(slots.endpoints);
	slots_free(slots.routes);
	slots_free(slots.limits);
	slots_free(slots.seen_upstreams);
	return r;
}

/* What cannot be another one without a gap: who asks there would find nobody. */
static int
try_run_dir(const struct config *c, const struct handover *h)
{
	if (h->run_dir && strcmp(c->run_dir, h->run_dir) == 0)
		return 0;
	printf("%s: run_dir: it is another one than that of the running gateway (%s): stop it and "
	       "start it\n",
	       c->file, h->run_dir ? h->run_dir : "not told");
	return -EINVAL;
}

/* Leaves no file behind that was not there. */
static int
try_access_log(const struct config *c, struct buf *report)
{
	bool is_new = c->access_log == ACCESS_LOG_FILE && access(c->access_log_file, F_OK) < 0;
	int fd = access_sink_open(c, report);

	if (fd < 0)
		return fd;
	close(fd);
	if (is_new)
		unlink(c->access_log_file);
	return 0;
}

static int
try_config(const char *file, const struct handover *h, struct inherited *in)
{
	BUF_CLEAN struct buf report = { 0 };
	struct rules *rules = rules_new();
	struct config *c = NULL;
	int r = config_load(file, &c, &report);

	if (r == 0)
		r = try_run_dir(c, h);
	if (r == 0)
		r = listeners_try(c, in, &report);
	if (r == 0)
		r = try_access_log(c, &report);
	if (report.n > 0)
		printf("%.*s\n", SLICE_F(buf_slice(&report)));
	if (r == 0)
		r = rules_read(c, h, rules);
	if (r == 0)
		r = try_compile(c, rules);
	rules_free(rules);
	config_free(c);
	return r;
}

int
preflight_main(const char *file)
{
	struct inherited in = { 0 };
	struct takeover takeover;
	struct handover handover;
	int r;

	log_setup("preflight", LOG_LEVEL_ERROR);
	r = handover_take(&handover, getppid(), &takeover, &in);
	if (r > 0)
		fputs("yett preflight: a running gateway starts it; use `yett upgrade`\n", stderr);
	else if (r < 0)
		puts("what is handed over is not understood");
	else if (handover.lock < 0 || in.count == 0)
		puts("the lock of run_dir, or every socket, is missing in what is handed over");
	else if (try_config(file, &handover, &in) == 0)
		printf(PREFLIGHT_GOOD "%s\n", YETT_VERSION);
	else
		r = 1;
	FAILPOINT("upgrade-trial");
	r = r != 0 || handover.lock < 0 || in.count == 0;
	takeover_deinit(&takeover);
	inherited_deinit(&in);
	handover_deinit(&handover);
	fflush(stdout);
	return r;
}
