/*
 * A resolver of the test's own, which takes the place of libc's in the program
 * whose one file includes this.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include <a10.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

/* What getaddrinfo says. */
static const char *hosts[24]; /* addresses, in order; ':' in IPv6 ones */
static int failure;
static bool blocked; /* until the gate opens */
static sem_t gate;
static atomic_uint asked;

static void info_add(struct addrinfo ***end, const char *host,
		     const char *service)
{
	struct addrinfo *info = calloc(1, sizeof(*info));
	struct a10_address *address = calloc(1, sizeof(*address));
	const bool v6 = strchr(host, ':') != NULL;
	char text[80];

	ck_assert_ptr_nonnull(info);
	ck_assert_ptr_nonnull(address);
	if (strncmp(host, "unix:", 5) == 0)
		snprintf(text, sizeof(text), "%s", host);
	else
		snprintf(text, sizeof(text), v6 ? "[%s]:%s" : "%s:%s", host,
			 service);
	ck_assert_int_eq(a10_address_parse(text, address), 0);
	info->ai_family = address->as.any.sa_family;
	info->ai_addr = &address->as.any;
	info->ai_addrlen = address->length;
	**end = info;
	*end = &info->ai_next;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int getaddrinfo(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **ret_info)
{
	struct addrinfo *list = NULL, **end = &list;

	ck_assert_ptr_nonnull(node);
	ck_assert_int_eq(hints->ai_socktype, SOCK_STREAM);
	atomic_fetch_add(&asked, 1);
	if (blocked)
		while (sem_wait(&gate) != 0)
			continue;
	if (failure)
		return failure;
	for (int i = 0; i < 24 && hosts[i]; i++)
		info_add(&end, hosts[i], service);
	*ret_info = list;
	return 0;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
void freeaddrinfo(struct addrinfo *info)
{
	while (info) {
		struct addrinfo *next = info->ai_next;

		free(info->ai_addr);
		free(info);
		info = next;
	}
}

#endif
