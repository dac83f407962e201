#include "command_output.h"

#include "columns.h"
#include "command.h"

#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define TOLD_MAX ((size_t)65536)

#define WIDE '\xc2' /* begins what is a control character by the byte behind it */

static size_t printed;
static struct buf told;
static bool begun; /* the last piece ended with WIDE */

static ssize_t
write_counted(void *unused, const char *bytes, size_t n)
{
	ssize_t done = write(STDOUT_FILENO, bytes, n);

	(void)unused;
	printed += done > 0 ? (size_t)done : 0;
	return done > 0 ? done : 0;
}

/* It comes in pieces. */
static ssize_t
write_kept(void *unused, const char *bytes, size_t n)
{
	struct buf BUF_CLEAN whole = { 0 }, tidy = { 0 };

	(void)unused;
	if (begun)
		buf_addc(&whole, WIDE);
	buf_add(&whole, bytes, n);
	begun = whole.n > 0 && whole.p[whole.n - 1] == WIDE;
	whole.n -= begun;
	columns_tidy(buf_slice(&whole), &tidy);
	(void)!write(STDERR_FILENO, tidy.p, tidy.n); /* perhaps nobody is there to be told */
	if (told.n + tidy.n <= TOLD_MAX)
		buf_add(&told, tidy.p, tidy.n);
	return (ssize_t)n;
}

void
command_output_begin(bool json)
{
	FILE *counted = NULL, *kept;

	begun = false;
	kept = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_kept });
	if (kept) {
		setvbuf(kept, NULL, _IONBF, 0);
		stderr = kept; /* glibc's are variables */
	}
	if (json)
		counted = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_counted });
	if (counted)
		stdout = counted;
}

/* The lines of standard error, without the end of the last one. */
static void
print_error(int status)
{
	struct buf BUF_CLEAN out = { 0 };

	while (told.n > 0 && told.p[told.n - 1] == '\n')
		told.n--;
	buf_adds(&out, SLICE("{\"ok\":false,\"error\":"));
	buf_add_json(&out, buf_slice(&told));
	buf_addf(&out, ",\"exit_status\":%d}\n", status);
	fwrite(out.p, 1, out.n, stdout);
}

int
command_output_end(int status, bool json)
{
	bool whole = fflush(stdout) == 0 && !ferror(stdout);

	if (whole && json && status != COMMAND_OK && printed == 0) {
		print_error(status);
		whole = fflush(stdout) == 0;
	}
	if (!whole) {
		fprintf(stderr, "yett: what it prints cannot be written: %s\n", strerror(errno));
		status = COMMAND_UNREADABLE;
	}
	buf_deinit(&told);
	return status;
}
