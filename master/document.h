#pragma once

/*
 * document: YAML or JSON as a tree whose every node knows its line. Knows no setting.
 *
 * It uses libyaml's document API, the parser under libcyaml, and not libcyaml itself: that one
 * stops at the first mistake and tells no position of a value, so it could not report every mistake
 * with its line.
 *
 * Aliases are followed (two places then share a node). What they would expand to is bounded when
 * the tree is made, so whoever walks it needs no bound of its own. The only file that includes
 * libyaml.
 */

#include "lib/arena.h"

struct buf;

#define DOCUMENT_NODES 1000000 /* with aliases expanded */
#define DOCUMENT_DEPTH 64

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAPPING };

struct node {
	enum node_kind kind;
	int line;                /* from 1; of JSON 0 */
	bool plain;              /* a scalar without quotes */
	struct slice text;       /* of a scalar; NUL behind, none in it */
	struct node_pair *pairs; /* of a mapping, in the order of the file */
	struct node **items;     /* of a list */
	size_t count;            /* of either */
};

struct node_pair {
	struct node *key, *value;
};

struct document {
	struct arena arena;
	struct node *root;  /* NULL: there is nothing in the text */
	struct node *nodes; /* all of them: node i of libyaml (from 1) is nodes[i - 1] */
	size_t nodes_count;
};

struct document_error {
	int line, column; /* from 1; 0: unknown */
	char text[256];   /* what is wrong; remedy */
};

/* 0, or -EBADMSG and *error. In any case document_deinit is due. */
int document_parse(struct document *d, struct slice text, struct document_error *error)
    __attribute__((warn_unused_result));
/* The same of strict JSON (document_json.c); its nodes are of line 0. 0; -EINVAL or -E2BIG as
 * json_parse. */
int document_json(struct document *d, struct slice text, size_t bytes_max, unsigned depth_max)
    __attribute__((warn_unused_result));
/* Overwrites all texts (there may be secrets among them) and gives the memory back. */
void document_deinit(struct document *d);
/* The value of the first such key; NULL when there is none, or n is NULL or no mapping. */
const struct node *node_get(const struct node *n, struct slice key);
/* The same for "a.b.c". */
const struct node *node_at(const struct node *n, struct slice path);
/* As JSON (node_json.c); a key that is no scalar becomes "". Names may stand twice. */
void node_json(const struct node *n, struct buf *out);
/* Nothing was written behind the key, or "~" or "null". */
bool node_is_null(const struct node *n);
