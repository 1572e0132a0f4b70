/* Names into addresses, on a helper thread: getaddrinfo(3) says how. */
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "op/name.h"
#include "ring/errand.h"

/* In this library's words: the resolver has its own. */
static int64_t resolver_error(int err, int saved)
{
	switch (err) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return -ENOENT;
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return saved > 0 ? -saved : -EIO;
	case EAI_FAIL:
		return -EIO;
	default:
		return -EINVAL;
	}
}

int64_t errand_resolve(struct errand *errand)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICSERV };
	char host[NAME_SIZE_MOST], port[PORT_SIZE_MOST];
	struct addrinfo *list = NULL, *info;
	int64_t count = 0;
	int err;

	err = name_split(errand->text, host, port);
	if (err < 0)
		return err;
	err = getaddrinfo(host, port, &hints, &list);
	if (err != 0)
		return resolver_error(err, errno);
	for (info = list; info; info = info->ai_next) {
		struct a10_address *address = &errand->found[count];

		if ((info->ai_family != AF_INET &&
		     info->ai_family != AF_INET6) ||
		    info->ai_addrlen > sizeof(address->as))
			continue;
		if ((size_t)count < errand->most) {
			memset(address, 0, sizeof(*address));
			memcpy(&address->as, info->ai_addr, info->ai_addrlen);
			address->length = info->ai_addrlen;
		}
		count++;
	}
	freeaddrinfo(list);
	return count > 0 ? count : -ENOENT;
}
