/*
 * load: a load generator for HTTP/1.1. One thread, one epoll. Reads its command line (plan.h), runs windows (window.h) and
 * prints one JSON object for each.
 */

#include "window.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *const result_names[CLIENT_RESULTS] = {
	[CLIENT_CONNECT] = "connect", [CLIENT_RESET] = "reset",	  [CLIENT_TIMEOUT] = "timeout",
	[CLIENT_STATUS] = "status",   [CLIENT_LENGTH] = "length", [CLIENT_MALFORMED] = "malformed",
};

static void
load_print(const struct load *load)
{
	BUF_CLEAN struct buf out = { 0 };
	const struct histogram *h = &load->latency;
	double seconds = (double)(load->last_result - load->begin) / 1e9;
	uint64_t errors = 0;
	const char *sep = "";

	for (unsigned i = CLIENT_OK + 1; i < CLIENT_RESULTS; i++)
		errors += load->counts[i];
	buf_addf(&out, "{\"requests\":%llu,\"errors\":%llu,\"seconds\":%.6f,\"rps\":%.1f,\"bytes\":%llu,\"by_kind\":{",
		 (unsigned long long)load->counts[CLIENT_OK], (unsigned long long)errors, seconds,
		 seconds > 0 ? (double)load->counts[CLIENT_OK] / seconds : 0.0, (unsigned long long)load->bytes);
	for (unsigned i = CLIENT_OK + 1; i < CLIENT_RESULTS; i++) {
		buf_addf(&out, "%s\"%s\":%llu", sep, result_names[i], (unsigned long long)load->counts[i]);
		sep = ",";
	}
	buf_adds(&out, SLICE("},\"wrong_statuses\":{"));
	sep = "";
	for (unsigned i = 0; i < WINDOW_STATUSES; i++) {
		if (load->statuses[i] == 0)
			continue;
		buf_addf(&out, "%s\"%u\":%llu", sep, i, (unsigned long long)load->statuses[i]);
		sep = ",";
	}
	buf_addf(&out, "},\"latency_us\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f}",
		 h->count ? (double)h->sum / (double)h->count / 1e3 : 0.0, (double)histogram_percentile(h, 0.5) / 1e3,
		 (double)histogram_percentile(h, 0.9) / 1e3, (double)histogram_percentile(h, 0.99) / 1e3,
		 (double)histogram_percentile(h, 0.999) / 1e3, (double)h->max / 1e3);
	buf_adds(&out, SLICE(",\"latency_buckets\":"));
	histogram_print(h, &out);
	printf("%.*s}\n", (int)out.n, out.p);
	fflush(stdout);
}

struct control { /* lines from standard input */
	char text[128];
	size_t n;
};

/* Waits for "run SECONDS [RATE]" on standard input while idle connections are watched. False at its end, or when it is
 * something else. */
static bool
control_next(struct control *control, struct load *load, double *seconds, double *rate)
{
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = load->epoll, .events = POLLIN } };

	for (;;) {
		char *end = memchr(control->text, '\n', control->n);
		ssize_t n;

		if (end) {
			*end = '\0';
			*rate = load->plan->rate;
			n = sscanf(control->text, "run %lf %lf", seconds, rate);
			control->n -= (size_t)(end + 1 - control->text);
			memmove(control->text, end + 1, control->n);
			return n >= 1;
		}
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return false;
		if (fds[1].revents)
			load_turn(load, 0);
		if (!fds[0].revents)
			continue;
		n = read(STDIN_FILENO, control->text + control->n, sizeof control->text - control->n);
		if (n <= 0)
			return false;
		control->n += (size_t)n;
	}
}

static void
run(struct load *load)
{
	struct control control = { .n = 0 };
	double seconds, rate;

	if (!load->plan->new_connection)
		load_open(load);
	if (load->plan->warmup > 0)
		load_window(load, load->plan->warmup, load->plan->rate);
	if (!load->plan->control) {
		load_window(load, load->plan->seconds, load->plan->rate);
		load_print(load);
		return;
	}
	printf("{\"ready\":true}\n");
	fflush(stdout);
	while (control_next(&control, load, &seconds, &rate)) {
		load_window(load, seconds, rate);
		load_print(load);
	}
}

int
main(int argc, char **argv)
{
	struct load *load;
	struct plan plan;
	int r, status;

	r = plan_parse(&plan, argc, argv);
	if (r != 0) {
		plan_deinit(&plan);
		return r > 0 ? 0 : 2;
	}
	prctl(PR_SET_TIMERSLACK, 1UL); /* due times are met to the microsecond */
	load = xcalloc(1, sizeof *load);
	r = load_init(load, &plan);
	if (r == 0)
		run(load);
	else
		fprintf(stderr, "bench-load: epoll: %s\n", strerror(-r));
	status = load->latency.count ? EXIT_SUCCESS : EXIT_FAILURE;
	load_deinit(load);
	free(load);
	plan_deinit(&plan);
	return status;
}
