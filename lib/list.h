#pragma once

/*
 * list: an intrusive doubly linked ring. The head is a node of the ring; an unlinked node points at
 * itself.
 */

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)                                                                            \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define list_for(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
/* The body may unlink `pos`. */
#define list_for_safe(pos, tmp, head)                                                              \
	for (struct list *pos = (head)->next, *tmp = pos->next; pos != (head);                     \
	     pos = tmp, tmp = pos->next)
/* Each in turn, unlinked, until none is left; the body may unlink others and add some. */
#define list_drain(pos, head) for (struct list * pos; (pos = list_pop(head)) != NULL;)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_push(struct list *head, struct list *node) /* to the tail */
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void
list_push_front(struct list *head, struct list *node)
{
	node->next = head->next;
	node->prev = head;
	head->next->prev = node;
	head->next = node;
}

static inline void
list_remove(struct list *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
	list_init(node);
}

/* The first node, unlinked; NULL when there is none. */
static inline struct list *
list_pop(struct list *head)
{
	struct list *node = head->next;

	if (node == head)
		return NULL;
	head->next = node->next;
	node->next->prev = head;
	list_init(node);
	return node;
}

/* The last one. */
static inline struct list *
list_pop_last(struct list *head)
{
	struct list *node = head->prev;

	if (node == head)
		return NULL;
	head->prev = node->prev;
	node->prev->next = head;
	list_init(node);
	return node;
}

/* All nodes of `from` become those of `to`, which needs no init. */
static inline void
list_take(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}
