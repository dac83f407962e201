#include "answer.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define LINE_MAX_BYTES (64 * 1024)

void
answer_reset(struct answer *a)
{
	a->state = ANSWER_HEAD;
	a->status = 0;
	a->close = false;
	a->began = false;
	a->body = a->left = 0;
	a->line.n = 0;
}

void
answer_deinit(struct answer *a)
{
	buf_deinit(&a->line);
}

/* Takes bytes up to and with `end`. 1: *whole is the text with it; 0: more must come; or -EBADMSG.
 */
static int
take_until(struct answer *a, struct slice *in, struct slice end, struct slice *whole)
{
	const char *hit;
	size_t had = a->line.n, from;

	if (had == 0) {
		hit = memmem(in->p, in->n, end.p, end.n);
		if (hit) {
			*whole = slice_make(in->p, (size_t)(hit - in->p) + end.n);
			*in = slice_make(in->p + whole->n, in->n - whole->n);
			return 1;
		}
	}
	buf_adds(&a->line, *in);
	from = had > end.n ? had - end.n : 0;
	hit = memmem(a->line.p + from, a->line.n - from, end.p, end.n);
	if (!hit) {
		*in = slice_make(in->p + in->n, 0);
		return a->line.n > LINE_MAX_BYTES ? -EBADMSG : 0;
	}
	*whole = slice_make(a->line.p, (size_t)(hit - a->line.p) + end.n);
	*in = slice_make(in->p + (whole->n - had), in->n - (whole->n - had));
	a->line.n = 0;
	return 1;
}

static int
parse_field(struct answer *a, struct slice line, bool *chunked, bool *has_length)
{
	struct slice value, name = slice_cut(line, ':', &value);

	if (!value.p)
		return -EBADMSG;
	value = slice_trim(value);
	if (slice_ieq(name, SLICE("Content-Length"))) {
		*has_length = true;
		a->left = strtoull(value.p, NULL, 10);
	} else if (slice_ieq(name, SLICE("Transfer-Encoding"))) {
		*chunked = slice_ieq(value, SLICE("chunked"));
		if (!*chunked)
			return -EBADMSG;
	} else if (slice_ieq(name, SLICE("Connection"))) {
		if (slice_ieq(value, SLICE("close")))
			a->close = true;
		else if (slice_ieq(value, SLICE("keep-alive")))
			a->close = false;
	}
	return 0;
}

static int
parse_head(struct answer *a, struct slice head, bool bodiless)
{
	bool chunked = false, has_length = false;
	struct slice line, rest = head;

	line = slice_cut(rest, '\n', &rest);
	if (!slice_starts(line, SLICE("HTTP/1.")) || line.n < 13)
		return -EBADMSG;
	a->close = line.p[7] == '0';
	a->status = (unsigned)strtoul(line.p + 9, NULL, 10);
	if (a->status < 100 || a->status > 599)
		return -EBADMSG;
	while (rest.n > 2) {
		line = slice_cut(rest, '\n', &rest);
		if (line.n == 0 || line.p[line.n - 1] != '\r')
			return -EBADMSG;
		if (parse_field(a, slice_make(line.p, line.n - 1), &chunked, &has_length) < 0)
			return -EBADMSG;
	}
	/* RFC 9112 section 6.3 */
	if (a->status < 200 && a->status != 101) {
		a->state = ANSWER_HEAD;
	} else if (bodiless || a->status == 101 || a->status == 204 || a->status == 304) {
		a->state = ANSWER_DONE;
	} else if (chunked) {
		a->state = ANSWER_CHUNK_SIZE;
	} else if (has_length) {
		a->state = a->left ? ANSWER_LENGTH : ANSWER_DONE;
	} else {
		a->state = ANSWER_CLOSE;
		a->close = true;
	}
	return 0;
}

static int
parse_chunk_size(struct answer *a, struct slice line)
{
	char *end;
	uint64_t size = strtoull(line.p, &end, 16);

	if (!isxdigit((unsigned char)line.p[0]) || (*end != '\r' && *end != ';' && *end != ' '))
		return -EBADMSG;
	a->body += size;
	a->left = size + 2;
	a->state = size ? ANSWER_CHUNK : ANSWER_TRAILER;
	return 0;
}

/* A head, or a line of the chunked framing. 1: go on with the next state; 0: more must come; or
 * -EBADMSG. */
static int
feed_text(struct answer *a, struct slice *in, bool bodiless)
{
	struct slice end = a->state == ANSWER_HEAD ? SLICE("\r\n\r\n") : SLICE("\r\n"), text;
	int r = take_until(a, in, end, &text);

	if (r <= 0)
		return r;
	r = 0;
	if (a->state == ANSWER_HEAD)
		r = parse_head(a, text, bodiless);
	else if (a->state == ANSWER_CHUNK_SIZE)
		r = parse_chunk_size(a, text);
	else if (text.n == 2) /* the empty line after the trailer */
		a->state = ANSWER_DONE;
	return r < 0 ? r : 1;
}

int
answer_feed(struct answer *a, struct slice in, bool bodiless, size_t *used)
{
	const char *start = in.p;

	while (a->state != ANSWER_DONE && in.n > 0) {
		uint64_t n = in.n;

		a->began = true;
		switch (a->state) {
		case ANSWER_HEAD:
		case ANSWER_CHUNK_SIZE:
		case ANSWER_TRAILER: {
			int r = feed_text(a, &in, bodiless);

			if (r < 0)
				return r;
			continue;
		}
		case ANSWER_LENGTH:
		case ANSWER_CHUNK:
			if (n > a->left)
				n = a->left;
			a->left -= n;
			if (a->state == ANSWER_LENGTH)
				a->body += n;
			if (a->left == 0)
				a->state =
				    a->state == ANSWER_LENGTH ? ANSWER_DONE : ANSWER_CHUNK_SIZE;
			break;
		case ANSWER_CLOSE:
			a->body += n;
			break;
		case ANSWER_DONE:
			break;
		}
		in = slice_make(in.p + n, in.n - n);
	}
	*used = (size_t)(in.p - start);
	return a->state == ANSWER_DONE;
}

bool
answer_end(struct answer *a)
{
	if (a->state == ANSWER_CLOSE)
		a->state = ANSWER_DONE;
	return a->state == ANSWER_DONE;
}
