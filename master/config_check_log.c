#include "access_sink.h"
#include "config_check.h"
#include "settings.h"

#include "shm/log_format.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
has_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct buf BUF_CLEAN folder = { 0 };

	if (!slash || slash == path)
		return true;
	buf_add(&folder, path, (size_t)(slash - path));
	buf_addc(&folder, '\0');
	return access(folder.p, F_OK) == 0 || errno != ENOENT;
}

/* Whether a FIFO has a reader is seen when it is opened: to try it here would end that reader. */
static void
check_sink(struct config_reader *r)
{
	const struct config *c = r->c;
	const char *why = NULL;
	struct stat st;

	if (c->access_log == ACCESS_LOG_FILE && stat(c->access_log_file, &st) == 0)
		why = access_sink_unfit(st.st_mode);
	if (why)
		mistakes_add(&r->mistakes, false, config_line(r, "access_log"), "access_log",
			     "%s cannot take the log: %s", c->access_log_file, why);
	else if (c->access_log == ACCESS_LOG_FILE && !has_folder(c->access_log_file))
		mistakes_add(&r->mistakes, true, config_line(r, "access_log"), "access_log",
			     "the folder of %s is not on this machine, and is not made at the "
			     "start; make it there",
			     c->access_log_file);
}

/* Where in the text, and what was meant. */
static void
refuse_field(struct config_reader *r, const char *format, struct slice bad)
{
	static const struct setting_word names[] = {
#define X(name, json) { #name, 0 },
		LOG_FIELDS(X)
#undef X
		    { 0 },
	};
	struct buf BUF_CLEAN near = { 0 };

	setting_suggest_word(names, slice_make(bad.p + 1, bad.n - 1), &near);
	mistakes_add(&r->mistakes, false, config_line(r, "access_log_format"), "access_log_format",
		     "%.*s, at character %zu, is no field of the access log%.*s; yett(8), ACCESS "
		     "LOG, lists them ($$ is a dollar sign)",
		     SLICE_F(bad), (size_t)(bad.p - format) + 1, SLICE_F(buf_slice(&near)));
}

static void
check_format(struct config_reader *r)
{
	static const struct setting_word words[] = { { "json", 0 }, { "combined", 1 }, { 0 } };
	struct config *c = r->c;
	const char *format = c->access_log_format;
	struct buf BUF_CLEAN program = { 0 }, near = { 0 };
	struct slice bad;

	c->access_log_program = "";
	if (strcmp(format, "json") == 0)
		return;
	if (strcmp(format, "combined") == 0)
		format = LOG_FORMAT_COMBINED;
	if (log_format_compile(slice_of(format), &program, &bad) != 0) {
		refuse_field(r, format, bad);
	} else if (!memchr(program.p, LOG_FORMAT_FIELD, program.n)) {
		setting_suggest_word(words, slice_of(format), &near);
		mistakes_add(
		    &r->mistakes, false, config_line(r, "access_log_format"), "access_log_format",
		    "\"%s\" is neither json nor combined, and has no field%.*s; a text has "
		    "fields in it, such as $status",
		    format, SLICE_F(buf_slice(&near)));
	} else {
		c->access_log_program = arena_string(&c->arena, buf_slice(&program));
	}
}

void
config_check_log(struct config_reader *r)
{
	check_sink(r);
	check_format(r);
}
