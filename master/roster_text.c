/*
 * What a gateway says of itself, as JSON, and what others read of it: what is not known is not
 * looked at, and texts are cut and made fit for a terminal.
 */

#include "roster_own.h"

#include "lib/json.h"

#define DEPTH_MAX 8 /* a newer one may say more of itself */

void
roster_copy(struct slice from, char *to, size_t cap)
{
	size_t n = from.n < cap - 1 ? from.n : cap - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = from.p[i] >= ' ' && from.p[i] < 0x7f ? from.p[i] : '?';
	to[n] = '\0';
}

static uint64_t
count_of(const struct json *v, const char *name)
{
	double number = 0;

	return json_number(json_get(v, name), &number) && number > 0 && number < 1e15
		   ? (uint64_t)number
		   : 0;
}

static enum roster_state
state_of(struct slice text)
{
	for (int s = ROSTER_READY; s <= ROSTER_DRAINING; s++) {
		if (slice_eq(text, slice_of(roster_state_name[s])))
			return (enum roster_state)s;
	}
	return ROSTER_DEGRADED; /* a newer one knows more of them */
}

void
roster_read_one(struct roster_gateway *g, struct slice text)
{
	struct json *v = NULL;

	g->state = ROSTER_GONE;
	if (json_parse(text, ROSTER_TEXT_MAX, DEPTH_MAX, &v) < 0)
		return;
	if (json_kind(v) == JSON_OBJECT) {
		g->state = state_of(json_text(json_get(v, "state")));
		roster_copy(json_text(json_get(v, "name")), g->name, sizeof g->name);
		roster_copy(json_text(json_get(v, "version")), g->version, sizeof g->version);
		roster_copy(json_text(json_get(v, "degraded")), g->degraded, sizeof g->degraded);
		if (revision_is_id(json_text(json_get(v, "revision"))))
			roster_copy(json_text(json_get(v, "revision")), g->revision,
				    sizeof g->revision);
		g->format = count_of(v, "format");
		g->pid = count_of(v, "pid");
		g->table = count_of(v, "table");
		g->workers = count_of(v, "workers");
		g->in_force_ms = count_of(v, "in_force_ms");
		g->up_ms = count_of(v, "up_ms");
	}
	json_free(v);
}

void
roster_write_one(const struct roster_gateway *g, bool announced, struct buf *out)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "format", g->format },
		{ "pid", g->pid },
		{ "table", g->table },
		{ "workers", g->workers },
		{ "in_force_ms", g->in_force_ms + g->heard_ms },
		{ "up_ms", g->up_ms + g->heard_ms },
	};

	buf_addc(out, '{');
	if (!announced)
		buf_addf(out, "\"id\":\"%s\",\"heard_ms\":%llu,", g->id,
			 (unsigned long long)g->heard_ms);
	buf_adds(out, SLICE("\"name\":"));
	buf_add_json(out, slice_of(g->name));
	buf_addf(out, ",\"state\":\"%s\"", roster_state_name[g->state]);
	if (g->state != ROSTER_GONE) {
		buf_adds(out, SLICE(",\"version\":"));
		buf_add_json(out, slice_of(g->version));
		buf_adds(out, SLICE(",\"degraded\":"));
		buf_add_json(out, slice_of(g->degraded));
		buf_addf(out, ",\"revision\":\"%s\"", g->revision);
		for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
			buf_addf(out, ",\"%s\":%llu", numbers[i].name,
				 (unsigned long long)numbers[i].value);
	}
	buf_addc(out, '}');
}
