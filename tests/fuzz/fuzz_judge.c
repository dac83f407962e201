/* A request from its bytes to the judged head, its body and its trailers, in reads of any length:
 * what is let through holds together, and reads the same to whoever reads it again. */

#include "lib/http_head.h"
#include "worker/judge.h"
#include "worker/trailers.h"

#include <stdint.h>
#include <stdlib.h>

static const struct http_limits limits = { .head_bytes = 4096, .uri_bytes = 1024, .fields = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool holds)
{
	if (!holds)
		abort();
}

static void
check_path(struct request *r)
{
	struct uri_path again;
	char *room = malloc(URI_ROOM(r->path.n));

	need(uri_canonical(r->path, room, &again) == 0 && again.same);
	need(again.flags == r->path_flags);
	need(r->query_n == 0 || r->query + r->query_n <= r->in.url + r->in.url_n);
	need(r->query_n == 0 || uri_query_is_clean(http_at(&r->in, r->query + 1, r->query_n - 1)));
	free(room);
}

static void
check_judged(struct request *r, const struct judged *j)
{
	const struct http_field *host = http_find(&r->in, HTTP_HOST);
	char *room = malloc(2 * r->host_field.n + 2);
	struct uri_host again;

	check_path(r);
	need(uri_host_parse(r->host_field, room, &again) == 0 &&
	     slice_eq(again.host, r->host.host));
	need(host || http_minor(&r->in) == 0);
	need(!(r->in.has_length && r->in.coded));
	need((r->body == FRAMING_CHUNKED) == r->in.chunked &&
	     (r->body == FRAMING_LENGTH) == r->in.has_length);
	need(r->method != METHOD_CONNECT && r->method != METHOD_TRACE);
	need(!r->upgrade || r->body == FRAMING_NONE ||
	     (r->body == FRAMING_LENGTH && r->in.length == 0));
	need(r->max_forwards >= -1 && (r->max_forwards < 0 || r->method == METHOD_OPTIONS));
	need(j->id.p == NULL || j->id.n <= limits.head_bytes);
	free(room);
}

static void
check_trailers(struct request *r)
{
	struct slice rest = trailers_filter(&r->in, NULL);
	struct slice again = trailers_filter(&r->in, NULL);

	need(slice_eq(rest, again));
	while (rest.p && rest.n > 0) {
		struct slice value, line = slice_cut(rest, '\n', &rest),
				    name = slice_cut(line, ':', &value);

		need(value.p && name.n > 0 && http_identify(name) == HTTP_OTHER &&
		     value.p[value.n - 1] == '\r');
		need(!memchr(line.p, '\0', line.n));
	}
}

/* False when the rest needs no look. */
static bool
feed(struct request *r, struct slice rest, bool *judged)
{
	while (rest.n > 0 && !r->in.done) {
		enum http_outcome outcome;
		size_t used;

		outcome = http_parse(&r->in, rest, &used);
		if (outcome < 0) {
			need(http_culprit(&r->in, outcome).n <= 64);
			return false;
		}
		rest = slice_make(rest.p + used, rest.n - used);
		if (r->in.head_done && !*judged) {
			struct judged j;

			if (judge_head(r, &j) != REASON_none)
				return false;
			check_judged(r, &j);
			*judged = true;
		}
	}
	http_parser_keep(&r->in);
	return true;
}

/* The first byte says how long the reads are. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_scratch scratch;
	struct request *r = calloc(1, sizeof *r);
	size_t step = size && data[0] ? data[0] : size, at = 1;
	bool judged = false, good = true;

	http_parser_init(&r->in, HTTP_REQUEST, &limits, &scratch);
	while (good && at < size && !r->in.done) {
		size_t n = step < size - at ? step : size - at;
		char *read = malloc(n);

		memcpy(read, data + at, n);
		at += n;
		good = feed(r, slice_make(read, n), &judged);
		free(read);
	}
	if (good && r->in.done)
		check_trailers(r);
	http_parser_deinit(&r->in);
	arena_deinit(&r->arena);
	free(r);
	return 0;
}
