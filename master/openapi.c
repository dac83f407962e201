#include "openapi.h"

#include "api.h"

#define TEXT "{\"type\":\"string\"}"
#define OBJECT "{\"type\":\"object\"}"
#define WITH(members) "{\"type\":\"object\",\"properties\":{" members "}}"
#define LIST(items) "{\"type\":\"array\",\"items\":" items "}"

static const char rules_families[] =
    WITH("\"routes\":" OBJECT ",\"upstreams\":" OBJECT ",\"policies\":" OBJECT
	 ",\"api_keys\":" OBJECT ",\"frontends\":" OBJECT ",\"backends\":" OBJECT);
static const char batch[] = WITH(
    "\"frontends\":" LIST(WITH("\"url\":" TEXT ",\"backend_name\":" TEXT)) ",\"backends\":" LIST(
	WITH("\"name\":" TEXT ",\"servers\":{},\"config\":{}")));
static const char suspension[] = WITH("\"until\":{\"type\":\"integer\"},"
				      "\"before\":{\"type\":\"integer\"},\"reason\":" TEXT);
static const char request[] = WITH("\"method\":" TEXT ",\"url\":" TEXT ",\"from\":" TEXT
				   ",\"headers\":" LIST(WITH("\"name\":" TEXT ",\"value\":" TEXT)));
static const char answer[] =
    WITH("\"message\":" TEXT ",\"data\":{},\"revision\":" TEXT
	 ",\"version\":{\"type\":\"integer\"},\"warnings\":" LIST(TEXT) ",\"reason\":" TEXT);

/* What the column `body` of the table names (rules: see `yett schema rules`), and answers. */
static const char *const schemas[][2] = {
	{ "Rules", rules_families },  { "Rule", OBJECT },     { "Batch", batch },
	{ "Suspension", suspension }, { "Request", request }, { "Answer", answer },
};

/* ---- one path ---- */

static void
add_parameter(const char *where, struct slice name, struct buf *out)
{
	bool path = *where == 'p';

	buf_addf(out, "%s{\"name\":\"%.*s\",\"in\":\"%s\",\"required\":%s,\"schema\":" TEXT "}",
		 out->p[out->n - 1] == '[' ? "" : ",", SLICE_F(name), where,
		 path ? "true" : "false");
}

static void
add_path_parameters(const char *path, struct buf *out)
{
	struct slice rest = slice_of(path);

	buf_adds(out, SLICE("\"parameters\":["));
	while (rest.p && rest.n > 0) {
		struct slice part = slice_cut(rest, '/', &rest);

		if (part.n > 2 && part.p[0] == '{')
			add_parameter("path", slice_make(part.p + 1, part.n - 2), out);
	}
	buf_addc(out, ']');
}

static void
add_query(const char *names, struct buf *out)
{
	struct slice rest = slice_of(names);

	while (rest.p && rest.n > 0)
		add_parameter("query", slice_cut(rest, ' ', &rest), out);
}

/* What each change of rules takes, and what this call does. */
static void
add_parameters(const struct api_row *r, struct buf *out)
{
	buf_adds(out, SLICE(",\"parameters\":["));
	if (api_changes_rules(r)) {
		add_parameter("query", SLICE("wait"), out);
		add_parameter("header", SLICE("If-Match"), out);
		add_parameter("header", SLICE("X-Yett-Why"), out);
	}
	add_query(r->query ? r->query : "", out);
	buf_addc(out, ']');
}

/* "get_rules_kind_name" */
static void
add_name(struct slice method, const char *path, struct buf *out)
{
	buf_adds(out, SLICE(",\"operationId\":\""));
	for (size_t i = 0; i < method.n; i++)
		buf_addc(out, ascii_lower(method.p[i]));
	for (; *path; path++) {
		if (*path != '{' && *path != '}')
			buf_addc(out, *path == '/' || *path == '.' ? '_' : *path);
	}
	buf_addc(out, '"');
}

static void
add_answers(const struct api_row *r, struct buf *out)
{
	static const char content[] = "\"content\":{\"application/json\":{\"schema\":{\"$ref\":"
				      "\"#/components/schemas/Answer\"}}}";

	if (r->role == ACCESS_WRITE)
		buf_addf(
		    out,
		    ",\"responses\":{\"200\":{\"description\":\"In force in every worker\",%s},"
		    "\"202\":{\"description\":\"Stored; a worker or gateway lags\",%s}",
		    content, content);
	else if (r->run == api_worker_replace || r->run == api_upgrade)
		buf_addf(out, ",\"responses\":{\"202\":{\"description\":\"Begun\",%s}", content);
	else if (r->run == api_test)
		buf_adds(out, SLICE(",\"responses\":{\"200\":{\"description\":\"Empty\"}"));
	else
		buf_adds(out, SLICE(",\"responses\":{\"200\":{\"description\":\"OK\",\"content\":{"
				    "\"application/json\":{\"schema\":" OBJECT "}}}"));
	buf_adds(out, SLICE(",\"default\":{\"$ref\":\"#/components/responses/Refused\"}}"));
}

static void
add_operation(const struct api_row *r, struct slice method, struct buf *out)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < method.n; i++)
		buf_addc(out, ascii_lower(method.p[i]));
	buf_adds(out, SLICE("\":{\"description\":"));
	buf_add_json(out, slice_of(r->text));
	add_name(method, r->path, out);
	buf_addf(out, ",\"x-yett-role\":\"%s\"", access_role_name[r->role]);
	add_parameters(r, out);
	if (r->body)
		buf_addf(out,
			 ",\"requestBody\":{\"content\":{\"application/json\":{\"schema\":{"
			 "\"$ref\":\"#/components/schemas/%s\"}}}}",
			 r->body);
	add_answers(r, out);
	buf_addc(out, '}');
}

static bool
is_first(const struct api_row *r)
{
	for (const struct api_row *t = api_rows; t < r; t++) {
		if (strcmp(t->path, r->path) == 0)
			return false;
	}
	return true;
}

/* All rows of a path, which need not stand side by side. */
static void
add_path(const struct api_row *first, struct buf *out)
{
	buf_addf(out, "%s\n\"%s\":{", first == api_rows ? "" : ",", first->path);
	add_path_parameters(first->path, out);
	for (const struct api_row *r = first; r < api_rows + api_rows_count; r++) {
		struct slice rest = slice_of(r->methods);

		while (strcmp(r->path, first->path) == 0 && rest.p) {
			buf_addc(out, ',');
			add_operation(r, slice_cut(rest, ' ', &rest), out);
		}
	}
	buf_addc(out, '}');
}

/* ---- pages that the admin worker answers itself (worker/admin.c, worker/dashboard.c) ---- */

static const struct {
	const char *path, *role, *type, *text, *more;
} pages[] = {
	{ "/ready", "look", "text/plain",
	  "Does this gateway serve? What it says where it does, but by old knowledge: degraded.",
	  ",\"503\":{\"$ref\":\"#/components/responses/Refused\"}" },
	{ "/version", "look", "text/plain", "The version of this worker.", "" },
	{ "/metrics", "look", "text/plain",
	  "Counters and gauges in the text format of Prometheus; see yett-metrics(7).", "" },
	{ "/dashboard", "none", "text/html", "The page for people with a browser.", "" },
};

static void
add_pages(struct buf *out)
{
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		buf_addf(out,
			 ",\n\"%s\":{\"parameters\":[],\"get\":{\"description\":", pages[i].path);
		buf_add_json(out, slice_of(pages[i].text));
		add_name(SLICE("get"), pages[i].path, out);
		buf_addf(out,
			 ",\"x-yett-role\":\"%s\",\"responses\":{\"200\":{\"description\":\"OK\","
			 "\"content\":{\"%s\":{\"schema\":" TEXT "}}}%s,\"default\":{\"$ref\":"
			 "\"#/components/responses/Refused\"}}}}",
			 pages[i].role, pages[i].type, pages[i].more);
	}
}

/* ---- all of it ---- */

static void
add_components(struct buf *out)
{
	buf_adds(out, SLICE("\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\","
			    "\"scheme\":\"bearer\"}},\n\"responses\":{\"Refused\":{\"description\":"
			    "\"Not done; message says why\",\"content\":{\"application/json\":{"
			    "\"schema\":{\"$ref\":\"#/components/schemas/Answer\"}}}}},"
			    "\n\"schemas\":{"));
	for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
		buf_addf(out, "%s\n\"%s\":%s", i ? "," : "", schemas[i][0], schemas[i][1]);
	buf_adds(out, SLICE("}}"));
}

void
openapi_write(struct buf *out)
{
	buf_addf(
	    out,
	    "{\"openapi\":\"3.1.0\",\n\"info\":{\"title\":\"The management API of Yett\","
	    "\"version\":\"%s\",\"description\":\"Over TCP a caller shows a token, on the Unix "
	    "socket it is known by its user; x-yett-role is the least that it has to be. See "
	    "yett-admin(7).\"},\n\"servers\":[{\"url\":\"/\"}],\n\"security\":[{\"token\":[]},{}],"
	    "\n\"paths\":{",
	    YETT_VERSION);
	for (const struct api_row *r = api_rows; r < api_rows + api_rows_count; r++) {
		if (is_first(r))
			add_path(r, out);
	}
	add_pages(out);
	buf_adds(out, SLICE("},\n"));
	add_components(out);
	buf_adds(out, SLICE("}\n"));
}

void
api_openapi(struct api_call *c)
{
	struct buf json BUF_CLEAN = { 0 };

	openapi_write(&json);
	api_reply(c, 200, buf_slice(&json), NULL);
}
