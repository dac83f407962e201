#include "rules_backend.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

/* RFC 3629. What is none could not be written as JSON and read back. */
bool
rules_is_utf8(struct slice s)
{
	for (size_t i = 0, more; i < s.n; i += more + 1) {
		unsigned char c = (unsigned char)s.p[i];

		more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || more > s.n - i - 1)
			return false;
		for (size_t j = 1; j <= more; j++) {
			if (((unsigned char)s.p[i + j] & 0xc0) != 0x80)
				return false;
		}
		if (more >= 2) {
			unsigned char second = (unsigned char)s.p[i + 1];

			if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
			    (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
				return false;
		}
	}
	return true;
}

/* NULL when it may be a value, whatever its length. */
static const char *
rules_text_fault(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (iscntrl((unsigned char)text.p[i]))
			return "it holds control characters";
	}
	return rules_is_utf8(text) ? NULL : "it is not UTF-8";
}

const char *
rules_name_fault(struct slice name)
{
	if (name.n == 0)
		return "the name is empty";
	if (name.n > RULES_NAME_MAX)
		return "the name is longer than 1 KiB";
	return rules_text_fault(name);
}

/* A plain decimal number; strtod alone would take "0x1", "inf", "nan" and leading spaces. */
const char *
rules_score_parse(struct slice s, double *out)
{
	char text[64], *end;

	if (s.n == 0 || s.n >= sizeof text)
		return "the score is no number";
	for (size_t i = 0; i < s.n; i++) {
		if (!isdigit((unsigned char)s.p[i]) && !strchr("+-.eE", s.p[i]))
			return "the score is no number";
	}
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*out = strtod(text, &end);
	return *end || !isfinite(*out) ? "the score is no number" : NULL;
}

void
backend_free(struct rules_backend *b)
{
	if (!b || (b->shared && b->shared--))
		return;
	for (size_t i = 0; i < b->servers_count; i++) {
		free(b->servers[i].text);
		rules_endpoint_free(&b->servers[i].endpoint);
	}
	for (size_t i = 0; i < 2 * b->config_count; i++)
		free(b->config[i]);
	free(b->servers);
	free(b->config);
	free(b->name);
	free(b);
}

static const char *
backend_add_server(struct rules_backend *b, struct slice text, struct slice score)
{
	struct rules_server *s = &b->servers[b->servers_count];
	const char *fault = rules_score_parse(score, &s->score);

	if (fault || rules_server_parse(text, &s->endpoint, &fault) != 0)
		return fault;
	s->text = xstrndup(text.p, text.n);
	b->servers_count++;
	return NULL;
}

static const char *
backend_add_field(struct rules_backend *b, struct slice name, struct slice value)
{
	const char *fault = rules_name_fault(name);

	if (fault)
		return fault;
	if (value.n > RULES_VALUE_MAX)
		return "the value is longer than 64 KiB";
	fault = rules_text_fault(value);
	if (fault)
		return fault;
	if (name.p[0] != '_')
		return backend_add_server(b, name, value);
	b->config[2 * b->config_count] = xstrndup(name.p, name.n);
	b->config[2 * b->config_count + 1] = xstrndup(value.p, value.n);
	b->config_count++;
	return NULL;
}

static int
server_compare(const void *a, const void *b)
{
	return strcmp(((const struct rules_server *)a)->text,
		      ((const struct rules_server *)b)->text);
}

static int
setting_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Redis gives the fields of a hash in no order of its own. */
static void
backend_sort(struct rules_backend *b)
{
	if (b->servers_count > 1)
		qsort(b->servers, b->servers_count, sizeof *b->servers, server_compare);
	if (b->config_count > 1)
		qsort(b->config, b->config_count, 2 * sizeof *b->config, setting_compare);
}

bool
backend_same(const struct rules_backend *a, const struct rules_backend *b)
{
	if (a->servers_count != b->servers_count || a->config_count != b->config_count)
		return false;
	for (size_t i = 0; i < a->servers_count; i++) {
		if (strcmp(a->servers[i].text, b->servers[i].text) != 0 ||
		    fabs(a->servers[i].score - b->servers[i].score) > 0)
			return false;
	}
	for (size_t i = 0; i < 2 * a->config_count; i++) {
		if (strcmp(a->config[i], b->config[i]) != 0)
			return false;
	}
	return true;
}

/* Names the field that is at fault. */
static struct rules_backend *
fail_field(struct rules_backend *b, struct slice field, const char *fault, struct buf *why)
{
	char quoted[120];

	buf_addf(why, "field \"%s\": %s", log_quote(field, quoted, sizeof quoted), fault);
	buf_addc(why, '\0');
	backend_free(b);
	return NULL;
}

struct rules_backend *
backend_make(struct slice name, const struct slice *fields, size_t count, struct buf *why)
{
	struct rules_backend *b;

	if (count / 2 > RULES_SERVERS_MAX || count % 2) {
		buf_addf(why, "%s",
			 count % 2 ? "a field without a value" : "more than 10000 servers");
		buf_addc(why, '\0');
		return NULL;
	}
	b = xcalloc(1, sizeof *b);
	b->name = xstrndup(name.p, name.n);
	b->servers = xcalloc(count / 2, sizeof *b->servers);
	b->config = xcalloc(count, sizeof *b->config);
	for (size_t i = 0; i < count; i += 2) {
		const char *fault = backend_add_field(b, fields[i], fields[i + 1]);

		if (fault)
			return fail_field(b, fields[i], fault, why);
	}
	backend_sort(b);
	return b;
}

void
backend_write(const struct rules_backend *b, struct buf *out)
{
	size_t s = 0, c = 0;

	buf_addc(out, '{');
	while (s < b->servers_count || c < b->config_count) {
		bool server =
		    c == b->config_count ||
		    (s < b->servers_count && strcmp(b->servers[s].text, b->config[2 * c]) < 0);

		buf_adds(out, s + c ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(server ? b->servers[s].text : b->config[2 * c]));
		buf_addc(out, ':');
		if (server) {
			buf_addc(out, '"');
			buf_add_double(out, b->servers[s++].score);
			buf_addc(out, '"');
		} else {
			buf_add_json(out, slice_of(b->config[2 * c++ + 1]));
		}
	}
	buf_addc(out, '}');
}
