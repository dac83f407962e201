/*
 * The API keys that there are, of the file and of the store. None is told: nobody has one.
 */

#include "api.h"

#include "master.h"
#include "lib/moment.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "shm/table.h"

static void
add_key(struct buf *out, const struct config *c, const struct config_api_key *key, bool store,
	bool shadowed)
{
	const char *state = !(c->gate.sources & TOKEN_FROM_API_KEY) ? "off"
			    : shadowed                              ? "shadowed"
			    : key->expires <= clock_wall()          ? "expired"
								    : "active";

	buf_adds(out, out->n > 0 && out->p[out->n - 1] == '}' ? SLICE(",{") : SLICE("{"));
	buf_adds(out, SLICE("\"name\":"));
	buf_add_json(out, slice_of(key->name));
	buf_addf(out, ",\"source\":\"%s\",\"state\":\"%s\",\"expires\":", store ? "store" : "file",
		 state);
	if (key->expires == MOMENT_NEVER)
		buf_adds(out, SLICE("null"));
	else
		buf_add_json_time(out, key->expires);
	buf_addf(out, ",\"sha256\":\"%s\",\"claims\":%s}", key->sha256, key->claims);
}

static bool
is_of_file(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->api_keys_count; i++) {
		if (strcmp(c->api_keys[i].name, name) == 0)
			return true;
	}
	return false;
}

void
api_keys(struct api_call *call)
{
	const struct config *c = call->master->config;
	const struct rules *rules = call->master->rules;
	BUF_CLEAN struct buf data = { 0 };

	buf_adds(&data, SLICE("{\"api_keys\":["));
	for (size_t i = 0; i < c->api_keys_count; i++)
		add_key(&data, c, &c->api_keys[i], false, false);
	for (size_t i = 0; i < rules_natives(rules, NATIVE_KEY); i++) {
		const struct config_api_key *key =
		    rules_native_read(rules_native_at(rules, NATIVE_KEY, i), c);

		if (key)
			add_key(&data, c, key, true, is_of_file(c, key->name));
	}
	buf_adds(&data, SLICE("]}"));
	api_reply_message(call, 200, "OK", buf_slice(&data));
}
