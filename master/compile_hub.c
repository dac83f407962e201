#include "compile_hub.h"

#include "compile_candidate.h"
#include "hub_names.h"

static uint32_t
upstream_of(const struct compile_input *in, struct arena *arena, const struct config_hub *hub,
	    const char *text, bool https)
{
	const char *name = hub_names_upstream(arena, hub, text, https);

	return name ? compile_index(compile_find(in, SOURCE_FILE, slice_of(name))) : 0;
}

static uint32_t
add_target(const struct compile_input *in, struct table_builder *b, const struct config_hub *hub,
	   const char *text)
{
	const struct config_hub_target *own = hub_names_target(hub, text);
	struct arena arena = { 0 };
	struct table_hub_target row = { .timeout_ms = own ? own->timeout : 0 };
	struct hub_name name;
	uint32_t at;

	if (hub_name_parse(&arena, text, &name)) {
		row.host = seg_builder_string(&b->seg, slice_of(name.canonical));
		row.port = name.port;
		row.upstreams[1] = upstream_of(in, &arena, hub, text, true);
		if (hub->allow_http)
			row.upstreams[0] = upstream_of(in, &arena, hub, text, false);
	}
	at = seg_builder_add(&b->seg, RULES_HUB_TARGETS, &row, sizeof row);
	arena_deinit(&arena);
	return at;
}

static void
add_networks(struct table_builder *b, const struct config_hub *hub, struct table_hub *row)
{
	row->networks_first = seg_builder_count(&b->seg, RULES_NETWORKS);
	for (size_t i = 0; i < hub->allow_private_count; i++) {
		struct table_cidr cidr;

		if (compile_cidr(hub->allow_private[i], &cidr) < 0)
			continue;
		seg_builder_add(&b->seg, RULES_NETWORKS, &cidr, sizeof cidr);
		row->networks_count++;
	}
}

/* As RULES_PROVIDERS has them. */
static uint32_t
provider_of(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->login.providers_count; i++) {
		if (strcmp(c->login.providers[i].name, name) == 0)
			return (uint32_t)i;
	}
	return TRIE_NONE;
}

uint32_t
compile_hub(const struct compile_input *in, struct table_builder *b, const struct config_hub *hub)
{
	struct table_hub row = {
		.flags = hub->allow_http ? HUB_HTTP : 0,
		.timeout_ms = hub->timeout,
		.targets_first = seg_builder_count(&b->seg, RULES_HUB_TARGETS),
		.targets_count = (uint32_t)hub->allow_count,
		.provider = provider_of(in->config, hub->credential),
		.refresh_s = hub->refresh_s,
		.preferred_username = table_builder_fact(b, SLICE("preferred_username")),
		.name = table_builder_fact(b, SLICE("name")),
		.request_bytes = hub->request_limit,
		.response_bytes = hub->response_limit,
	};

	for (size_t i = 0; i < hub->allow_count; i++)
		add_target(in, b, hub, hub->allow[i]);
	add_networks(b, hub, &row);
	return seg_builder_add(&b->seg, RULES_HUBS, &row, sizeof row) + 1;
}
