/*
 * `yett doctor`: what is wrong on this machine for this gateway, and what to do.
 */

#include "command_ask.h"
#include "doctor.h"

#include "certificates.h"
#include "columns.h"
#include "config.h"
#include "config_find.h"

#include <stdio.h>
#include <unistd.h>

/* What the files of certificates say is told by the check of its own. */
static bool
is_of_certificates(const struct config *c, struct slice line)
{
	const struct certificates *files = c ? c->tls.loaded : NULL;

	for (size_t i = 0; files && i < files->pairs_count; i++) {
		const char *trouble = files->pairs[i].trouble;

		if (*trouble && memmem(line.p, line.n, trouble, strlen(trouble)))
			return true;
	}
	return false;
}

/* What `yett check` says. */
static void
doctor_configuration(struct doctor *d, int r, struct slice report)
{
	size_t before = d->count;

	while (report.p && report.n > 0) {
		struct slice line = slice_cut(report, '\n', &report);
		bool warning = memmem(line.p, line.n, ": warning: ", 11) != NULL;

		if (!is_of_certificates(d->config, line))
			doctor_message(d, warning ? DOCTOR_WARNING : DOCTOR_PROBLEM,
				       "configuration", line);
	}
	if (d->count == before && r == 0)
		doctor_tell(d, DOCTOR_OK, "configuration", "%s is good", d->file);
}

static int
find_gateway(struct doctor *d, const struct command_options *o)
{
	struct command_options own = { .file = d->file, .socket = o->socket };
	struct buf BUF_CLEAN path = { 0 };

	if (command_socket(&own, &path) != 0)
		return COMMAND_UNREADABLE;
	doctor_find(d, path.p);
	return COMMAND_OK;
}

static int
print(const struct doctor *d, bool json)
{
	struct buf BUF_CLEAN out = { 0 };

	if (json)
		doctor_write_json(d, &out);
	else
		doctor_write(d, columns_want_colours(STDOUT_FILENO), &out);
	answer_print(&out);
	return doctor_number(d, DOCTOR_PROBLEM) > 0 ? COMMAND_REFUSED : COMMAND_OK;
}

int
command_doctor(const struct command_options *o)
{
	static void (*const checks[])(struct doctor *) = {
		doctor_gateway,
		doctor_host,
		doctor_files,
		doctor_servers,
	};
	struct buf BUF_CLEAN report = { 0 }, found = { 0 };
	struct config *c = NULL;
	struct doctor d = { .file = config_find("doctor", o->file, &found) };
	int r;

	if (!d.file)
		return COMMAND_UNREADABLE;
	r = config_load(d.file, &c, &report);
	if (r == COMMAND_UNREADABLE) {
		fwrite(report.p, 1, report.n, stderr);
		return r;
	}
	d.config = c;
	doctor_configuration(&d, r, buf_slice(&report));
	r = find_gateway(&d, o);
	for (size_t i = 0; r == 0 && i < sizeof checks / sizeof checks[0]; i++)
		checks[i](&d);
	if (r == 0)
		r = print(&d, o->json);
	doctor_deinit(&d);
	config_free(c);
	return r;
}
