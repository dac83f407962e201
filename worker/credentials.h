#pragma once

/*
 * credentials: what the keys of the table in force are made of: parsed once, and kept over tables
 * as long as they hold the same bytes.
 */

#include "shm/table.h"

struct tls_certificate;
struct tls_trust;

struct credentials;

struct credentials *credentials_new(void);
void credentials_free(struct credentials *c);
/* In the place of those of before. What cannot be used is told to the log and left out. */
void credentials_load(struct credentials *c, const struct segment *keys);
/* By index in KEYS_CERTIFICATES; NULL: there is none that can be used. The caller takes a reference
 * where it keeps it. */
struct tls_certificate *credentials_own(const struct credentials *c, uint32_t i);
/* The same of KEYS_CLIENTS: whom to trust. */
struct tls_trust *credentials_trust(const struct credentials *c, uint32_t i);
