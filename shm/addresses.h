#pragma once

/*
 * addresses: how many connections each client's address has open, in rows on each worker's page of
 * the board. Only the worker itself writes its rows, all others read them: the count over the
 * gateway is a sum. The rows are few and fixed; an address that finds no free one is not counted,
 * which errs towards accepting.
 */

#include "board.h"

#define ADDRESS_UNCOUNTED UINT32_MAX

/* What is counted together: an IPv4 address, or the /64 of an IPv6 one. `ip`: IPv4 mapped. */
uint64_t address_key(const uint8_t ip[16]);
uint32_t address_count(const struct board_worker *page, uint64_t key);
/* One more. The row, for address_drop; ADDRESS_UNCOUNTED: there is none free. */
uint32_t address_add(struct board_worker *page, uint64_t key);
void address_drop(struct board_worker *page, uint32_t row);
