/* A message in two or more reads: the parser never reads outside what it was given, and what it
 * says holds together. */

#include "lib/http_head.h"

#include <stdint.h>
#include <stdlib.h>

static const struct http_limits limits = { .head_bytes = 4096, .uri_bytes = 1024, .fields = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct http_parser *p)
{
	if (!p->head_done)
		return;
	for (int i = 0; i < p->fields_n; i++) {
		const struct http_field *f = &p->fields[i];

		if (f->name + f->name_n > limits.head_bytes + 1 ||
		    f->value + f->value_n > limits.head_bytes + 1)
			abort();
		if (http_name(p, f).n == 0 || memchr(http_name(p, f).p, ':', http_name(p, f).n) ||
		    (f->value_n && (memchr(http_value(p, f).p, '\n', f->value_n) ||
				    memchr(http_value(p, f).p, '\0', f->value_n))))
			abort();
	}
	if (p->has_length && p->chunked)
		abort();
	if (p->trailers_size > limits.head_bytes || p->trailers_n > limits.fields ||
	    (p->trailers_size && memchr(p->trailers, '\0', p->trailers_size)))
		abort();
}

/* The first byte says which kind, the second how long the reads are. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_parser *p[2];
	static struct http_scratch scratch;
	struct http_parser *parser;
	size_t step, at = 2;

	if (size < 2)
		return 0;
	for (int i = 0; i < 2 && !p[i]; i++) {
		p[i] = malloc(sizeof **p);
		http_parser_init(p[i], i ? HTTP_RESPONSE : HTTP_REQUEST, &limits, &scratch);
	}
	parser = p[data[0] & 1];
	step = data[1] ? data[1] : size;
	http_parser_reset(parser);
	parser->head_request = (data[0] & 2) != 0;
	while (at < size && !parser->done) {
		size_t n = step < size - at ? step : size - at, used = 0;
		char *read = malloc(n);
		struct slice rest = { read, n };

		memset(&scratch, 0xee, sizeof scratch); /* another parser used it meanwhile */
		memcpy(read, data + at, n);
		at += n;
		while (rest.n > 0 && !parser->done) {
			if (http_parse(parser, rest, &used) < 0) {
				free(read);
				return 0;
			}
			if (used > rest.n)
				abort();
			rest.p += used;
			rest.n -= used;
		}
		check(parser);
		http_parser_keep(parser);
		free(read);
		check(parser);
	}
	if (!parser->done)
		(void)http_parse_end(parser);
	return 0;
}
