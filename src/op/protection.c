/* What a10_protected says of a read or a write, captured. */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/uio.h>

#include <a10/io.h>

#include "op/capture.h"
#include "op/table.h"
#include "uapi/io_uring.h"

/* Of Linux 6.13. */
#ifdef IO_INTEGRITY_CHK_GUARD
_Static_assert(A10_PROTECTION_GUARD == IO_INTEGRITY_CHK_GUARD &&
		       A10_PROTECTION_REFERENCE == IO_INTEGRITY_CHK_REFTAG &&
		       A10_PROTECTION_APP == IO_INTEGRITY_CHK_APPTAG,
	       "the kernel's flags");
#endif
_Static_assert(sizeof(struct uring_attr_pi) % _Alignof(struct iovec) == 0,
	       "a vector behind it is aligned");

static int vector_size(const struct op_row *row,
		       const struct a10_request *request, size_t *ret_size)
{
	*ret_size = 0;
	if (row->data != DATA_VECTOR || request->length == 0)
		return 0;
	if (!request->address)
		return -EFAULT;
	if (request->length > VECTOR_MAX)
		return -EINVAL;
	*ret_size = request->length * sizeof(struct iovec);
	return 0;
}

int capture_protected(struct capture_cache *cache, const struct op_row *row,
		      struct a10_request *request, struct capture **ret_capture)
{
	const struct a10_protection *from =
		(const void *)(uintptr_t)request->address3;
	struct uring_attr_pi *attribute;
	struct capture *capture;
	size_t size;
	int err;

	err = from ? vector_size(row, request, &size) : -EFAULT;
	if (err < 0)
		return err;
	capture = capture_take(cache, sizeof(*attribute) + size);
	if (!capture)
		return -ENOMEM;
	attribute = capture_data(capture);
	*attribute = (struct uring_attr_pi){
		.flags = from->flags,
		.app_tag = from->app_tag,
		.len = from->length,
		.addr = (uintptr_t)from->data,
		.seed = from->seed,
	};
	if (size > 0) {
		memcpy(attribute + 1, (const void *)(uintptr_t)request->address,
		       size);
		request->address = (uintptr_t)(attribute + 1);
	}
	request->address3 = (uintptr_t)attribute;
	request->reserved = URING_RW_ATTR_FLAG_PI;
	*ret_capture = capture;
	return 0;
}
