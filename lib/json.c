#include "json.h"

#include "json_scan.h"
#include "xalloc.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#define FEW 16

/* Sorted when there are many: a text may consist of nothing but names. */
static bool
names_unique(const cJSON *object)
{
	const char *few[FEW], **names = few;
	size_t n = 0, total = 0;
	bool unique = true;
	const cJSON *m;

	cJSON_ArrayForEach(m, object) total++;
	if (total > FEW)
		names = xmalloc(total * sizeof *names);
	cJSON_ArrayForEach(m, object)
	{
		for (size_t i = 0; total <= FEW && i < n; i++)
			unique = unique && strcmp(names[i], m->string) != 0;
		names[n++] = m->string;
	}
	if (total > FEW) {
		qsort(names, n, sizeof *names, compare_names);
		for (size_t i = 1; i < n; i++)
			unique = unique && strcmp(names[i - 1], names[i]) != 0;
		free(names);
	}
	return unique;
}

/* Depth is bounded by the scan. */
static bool
tree_unique(const cJSON *v)
{
	const cJSON *m;

	if (cJSON_IsObject(v) && !names_unique(v))
		return false;
	cJSON_ArrayForEach(m, v)
	{
		if (m->child && !tree_unique(m))
			return false;
	}
	return true;
}

static const cJSON *
tree(const struct json *v)
{
	return (const cJSON *)v;
}

/* Gives each number its place in the text, which has them in the order of the tree. */
static void
tree_exact(cJSON *v, struct slice *rest)
{
	cJSON *m;

	if (cJSON_IsNumber(v)) {
		struct slice number = json_scan_number(rest);

		v->valuestring = (char *)(uintptr_t)number.p;
		v->valueint = (int)number.n;
		v->type |= cJSON_IsReference; /* which is not freed with it */
	}
	cJSON_ArrayForEach(m, v) tree_exact(m, rest);
}

int
json_parse_exact(struct slice text, size_t bytes_max, unsigned depth_max, struct json **out)
{
	int r = json_parse(text, bytes_max, depth_max, out);

	if (r == 0)
		tree_exact((cJSON *)*out, &text);
	return r;
}

int
json_parse(struct slice text, size_t bytes_max, unsigned depth_max, struct json **out)
{
	cJSON *root;

	if (text.n > bytes_max)
		return -E2BIG;
	if (!json_scan(text, depth_max < JSON_DEPTH_MAX ? depth_max : JSON_DEPTH_MAX))
		return -EINVAL;
	root = cJSON_ParseWithLength(text.p, text.n);
	if (!root)
		return -EINVAL;
	if (!tree_unique(root)) {
		cJSON_Delete(root);
		return -EINVAL;
	}
	*out = (struct json *)root;
	return 0;
}

void
json_free(struct json *root)
{
	cJSON_Delete((cJSON *)root);
}

enum json_kind
json_kind(const struct json *v)
{
	const cJSON *t = tree(v);

	if (cJSON_IsObject(t))
		return JSON_OBJECT;
	if (cJSON_IsArray(t))
		return JSON_ARRAY;
	if (cJSON_IsString(t))
		return JSON_STRING;
	if (cJSON_IsNumber(t))
		return JSON_NUMBER;
	if (cJSON_IsTrue(t))
		return JSON_TRUE;
	return cJSON_IsFalse(t) ? JSON_FALSE : JSON_NULL;
}

const struct json *
json_get(const struct json *v, const char *name)
{
	if (!cJSON_IsObject(tree(v)))
		return NULL;
	return (const struct json *)cJSON_GetObjectItemCaseSensitive(tree(v), name);
}

/* As deep as the path has dots. */
const struct json *
json_find(const struct json *v, struct slice path)
{
	const struct json *found;

	if (!cJSON_IsObject(tree(v)))
		return NULL;
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		if (slice_eq(json_name(m), path))
			return m;
	}
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		struct slice name = json_name(m);

		if (name.n >= path.n || path.p[name.n] != '.' || !slice_starts(path, name))
			continue;
		found = json_find(m, slice_make(path.p + name.n + 1, path.n - name.n - 1));
		if (found)
			return found;
	}
	return NULL;
}

struct slice
json_text(const struct json *v)
{
	return slice_of(cJSON_GetStringValue(tree(v)));
}

bool
json_number(const struct json *v, double *out)
{
	if (!cJSON_IsNumber(tree(v)) || !isfinite(tree(v)->valuedouble))
		return false;
	*out = tree(v)->valuedouble;
	return true;
}

struct slice
json_number_text(const struct json *v)
{
	const cJSON *t = tree(v);

	if (!cJSON_IsNumber(t) || !(t->type & cJSON_IsReference))
		return (struct slice){ NULL, 0 };
	return slice_make(t->valuestring, (size_t)t->valueint);
}

const struct json *
json_first(const struct json *v)
{
	return v ? (const struct json *)tree(v)->child : NULL;
}

const struct json *
json_next(const struct json *v)
{
	return (const struct json *)tree(v)->next;
}

struct slice
json_name(const struct json *v)
{
	return slice_of(tree(v)->string);
}

/* ---- changing a tree ---- */

static void *
have(void *p)
{
	if (!p)
		abort();
	return p;
}

struct json *
json_own_first(struct json *v)
{
	return (struct json *)((cJSON *)v)->child;
}

struct json *
json_own_next(struct json *v)
{
	return (struct json *)((cJSON *)v)->next;
}

struct json *
json_object(void)
{
	return have(cJSON_CreateObject());
}

void
json_take(struct json *parent, struct json *v)
{
	cJSON_DetachItemViaPointer((cJSON *)parent, (cJSON *)v);
}

void
json_put(struct json *object, const char *name, struct json *v)
{
	if (!cJSON_AddItemToObject((cJSON *)object, name, (cJSON *)v))
		abort();
}

void
json_put_back(struct json *object, struct json *v)
{
	cJSON_AddItemToArray((cJSON *)object, (cJSON *)v);
}

void
json_rename(struct json *v, const char *name)
{
	cJSON *t = (cJSON *)v;
	size_t n = strlen(name) + 1;

	cJSON_free(t->string);
	t->string = memcpy(have(cJSON_malloc(n)), name, n);
}

bool
json_repeats(const struct json *object)
{
	return !names_unique(tree(object));
}
