#include "proc_file.h"

#include <fcntl.h>
#include <unistd.h>

#define FILE_MAX ((size_t)65536)

bool
proc_read(const char *path, struct buf *out)
{
	char bytes[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	while (fd >= 0 && out->n < FILE_MAX && (n = read(fd, bytes, sizeof bytes)) > 0)
		buf_add(out, bytes, (size_t)n);
	if (fd >= 0)
		close(fd);
	return fd >= 0 && n >= 0;
}

void
proc_numbers(struct slice text, uint64_t *first, uint64_t *second)
{
	uint64_t *out[2] = { first, second };
	size_t at = 0;

	for (size_t i = 0; i < 2 && out[i]; i++) {
		uint64_t n = 0;
		size_t from;

		while (at < text.n && (text.p[at] == ' ' || text.p[at] == '\t'))
			at++;
		from = at;
		while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9' &&
		       n < PROC_UNKNOWN / 100)
			n = n * 10 + (uint64_t)(text.p[at++] - '0');
		*out[i] = at > from ? n : PROC_UNKNOWN;
	}
}

uint64_t
proc_number(const char *path, uint64_t *second)
{
	struct buf BUF_CLEAN text = { 0 };
	uint64_t first = PROC_UNKNOWN;

	if (proc_read(path, &text))
		proc_numbers(buf_slice(&text), &first, second);
	return first;
}

struct slice
proc_line(const struct buf *text, const char *name)
{
	struct slice rest = buf_slice(text), begin = slice_of(name);

	while (rest.p && rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest);

		if (slice_starts(line, begin))
			return slice_make(line.p + begin.n, line.n - begin.n);
	}
	return (struct slice){ NULL, 0 };
}
