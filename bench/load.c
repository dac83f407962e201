/*
 * load: a load generator for HTTP/1.1. One thread, one epoll. Reads its command line (plan.h), runs
 * windows (window.h) and prints one JSON object for each, or on a terminal a few lines.
 */

#include "window.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *const phase_names[COMMAND_PHASES] = { "before", "during", "after" };

static void
print_command(const struct load *load, struct buf *out)
{
	const struct command *c = &load->command;

	buf_adds(out, SLICE(",\"while\":{\"command\":"));
	buf_add_json(out, slice_of(load->plan->command));
	buf_addf(out, ",\"status\":%d,\"seconds\":%.3f", c->status,
		 (double)(c->ended - c->begun) / 1e9);
	for (unsigned i = 0; i < COMMAND_PHASES; i++) {
		buf_addf(out, ",\"%s\":{", phase_names[i]);
		tally_print(&load->phases[i], out);
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}

static void
print_json(const struct load *load, struct buf *out)
{
	buf_addc(out, '{');
	tally_print(&load->total, out);
	if (load->plan->url.tls)
		buf_addf(out, ",\"handshakes\":%llu,\"resumed\":%llu",
			 (unsigned long long)load->wires.handshakes,
			 (unsigned long long)load->wires.resumed);
	if (load->plan->command)
		print_command(load, out);
	buf_adds(out, SLICE("}\n"));
}

static void
print_lines(const struct load *load, struct buf *out)
{
	const struct command *c = &load->command;

	tally_tell_head(out);
	tally_tell(&load->total, "all", out);
	if (!load->plan->command)
		return;
	for (unsigned i = 0; i < COMMAND_PHASES; i++)
		tally_tell(&load->phases[i], phase_names[i], out);
	buf_addf(out, "the command took %.3f s and ended with %d\n",
		 (double)(c->ended - c->begun) / 1e9, c->status);
}

static void
load_print(const struct load *load)
{
	BUF_CLEAN struct buf out = { 0 };

	if (isatty(STDOUT_FILENO) && !load->plan->control)
		print_lines(load, &out);
	else
		print_json(load, &out);
	fwrite(out.p, 1, out.n, stdout);
	fflush(stdout);
}

struct control { /* lines from standard input */
	char text[128];
	size_t n;
};

/* Waits for "run SECONDS [RATE]" on standard input while idle connections are watched. False at its
 * end, or when it is something else. */
static bool
control_next(struct control *control, struct load *load, double *seconds, double *rate)
{
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = load->epoll, .events = POLLIN } };

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
		n = read(STDIN_FILENO, control->text + control->n,
			 sizeof control->text - control->n);
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
		load_window(load, load->plan->warmup, load->plan->rate, false);
	if (!load->plan->control) {
		load_window(load, load->plan->seconds, load->plan->rate, load->plan->command);
		load_print(load);
		return;
	}
	printf("{\"ready\":true}\n");
	fflush(stdout);
	while (control_next(&control, load, &seconds, &rate)) {
		load_window(load, seconds, rate, false);
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
	signal(SIGPIPE, SIG_IGN);      /* OpenSSL writes without MSG_NOSIGNAL */
	prctl(PR_SET_TIMERSLACK, 1UL); /* due times are met to the microsecond */
	load = xcalloc(1, sizeof *load);
	r = load_init(load, &plan);
	if (r == 0)
		run(load);
	else
		fprintf(stderr, "bench-load: %s\n",
			r == -EINVAL ? "OpenSSL has no such groups" : strerror(-r));
	status = load->total.latency.count ? EXIT_SUCCESS : EXIT_FAILURE;
	load_deinit(load);
	free(load);
	plan_deinit(&plan);
	return status;
}
